"""What drafts resemble: the nearest published posts, and what these got."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from vkflow.drafts.draft import Draft
from vkflow.drafts.nearest import (
    KINDS,
    Asked,
    Compared,
    Cosines,
    Kind,
    Near,
    cosines_with,
    nearest_posts,
    with_common_posts,
)
from vkflow.drafts.similar import SimilarPost
from vkflow.images.media import picture_file
from vkflow.insights.report.data import SimilarHide
from vkflow.storage import Storage, StorageError
from warehouse.constants import read_constant
from warehouse.similar_posts import (
    count_posts,
    read_told_posts,
    read_vectors_of_posts,
    read_vectors_of_published,
)
from warehouse.vectors import ENCODERS, Content

SIMILAR_POSTS = 3
"""Of the own wall, and as many of all others; or twice as many of the own wall alone."""
CONTENTS: Mapping[Kind, Content] = {"text": "text", "picture": "image"}
MOST_COSINES = 2**25
"""In memory at once, of one kind: 128 MiB."""


@dataclass(frozen=True)
class Search:
    """How posts are looked for that drafts resemble.

    Attributes:
        compared: what of them is.
        own_wall: only on the wall of the draft.
    """

    compared: Compared = "both"
    own_wall: bool = False


def similar_posts(
    connection: duckdb.DuckDBPyConnection,
    drafts: Sequence[Draft],
    vectors: Mapping[Kind, tuple[str, pl.Series]],
    search: Search,
    as_of: datetime,
    media: Storage,
) -> tuple[tuple[SimilarPost, ...], ...]:
    """The nearest posts of each draft, nearest first; none of one without a text, or picture.

    Args:
        connection: the open warehouse, as of the moment.
        drafts: at least one.
        vectors: whose they are, and of each draft, lists of float32, null without one.
        search: how to look for them.
        as_of: nothing later is known, UTC.
        media: where pictures are stored.
    """
    asked = [Asked(number, draft.owner_id) for number, draft in enumerate(drafts)]
    given = {
        kind: (encoder_id, pl.DataFrame({"number": range(len(drafts)), "vector": column}))
        for kind, (encoder_id, column) in vectors.items()
        if kind in KINDS[search.compared]
    }
    limits = (2 * SIMILAR_POSTS, 0) if search.own_wall else (SIMILAR_POSTS, SIMILAR_POSTS)
    found = _found(connection, asked, given, as_of, limits)
    similar: list[list[SimilarPost]] = [[] for _ in drafts]
    for row in found.iter_rows(named=True):
        similar[row["number"]].append(_post(row, media))
    return tuple(tuple(posts) for posts in similar)


def hidden_before(
    connection: duckdb.DuckDBPyConnection, keys: pl.DataFrame, kind: Kind, as_of: datetime
) -> dict[tuple[int, int], list[SimilarHide]]:
    """What posts resemble of which it is known how often it was hidden, by owner and post id.

    Args:
        connection: the open warehouse, as of the moment.
        keys: owner_id, post_id.
        kind: what of them is compared.
        as_of: nothing later is known, UTC.

    Returns:
        At most ``SIMILAR_POSTS`` each, nearest first; posts that resemble nothing are left out.
    """
    content = CONTENTS[kind]
    encoder_id = read_constant(connection, ENCODERS[content]) or "none"
    given = read_vectors_of_posts(connection, keys, content, encoder_id)
    asked = [Asked(*row) for row in given.select("number", "owner_id", "post_id").iter_rows()]
    found = _found(
        connection, asked, {kind: (encoder_id, given)}, as_of, (SIMILAR_POSTS, SIMILAR_POSTS)
    )
    posts = {each.number: (each.owner_id, each.post_id or 0) for each in asked}
    hides: dict[tuple[int, int], list[SimilarHide]] = {}
    for row in found.iter_rows(named=True):
        rates = {each["activity"]: each["rate"] for each in row["rates"] or ()}
        if "hide" in rates:
            cosine = row[f"{kind}_cosine"]
            hide = SimilarHide(
                row["owner_id"], row["text"], row["image_hash"], cosine, rates["hide"]
            )
            hides.setdefault(posts[row["number"]], []).append(hide)
    return {key: posts[:SIMILAR_POSTS] for key, posts in hides.items()}


Given = Mapping[Kind, tuple[str, pl.DataFrame]]
"""Whose vectors, and by number those of the drafts, null without one."""


def _found(
    connection: duckdb.DuckDBPyConnection,
    asked: Sequence[Asked],
    given: Given,
    as_of: datetime,
    limits: tuple[int, int],
) -> pl.DataFrame:
    """The columns of :class:`Near` with those of :func:`read_told_posts`."""
    at_once = max(1, MOST_COSINES // max(1, count_posts(connection)))
    found = [
        near
        for start in range(0, len(asked), at_once)
        for near in _nearest(connection, asked[start : start + at_once], given, as_of, limits)
    ]
    listed = pl.DataFrame(found, schema=list(Near._fields), orient="row")
    if not found:
        return listed
    told = read_told_posts(connection, listed)
    return listed.join(told, on=["owner_id", "post_id"], maintain_order="left")


def _nearest(
    connection: duckdb.DuckDBPyConnection,
    asked: Sequence[Asked],
    given: Given,
    as_of: datetime,
    limits: tuple[int, int],
) -> Iterator[Near]:
    numbers = [each.number for each in asked]
    cosines: dict[Kind, Cosines] = {}
    for kind, (encoder_id, frame) in given.items():
        vectors = frame.filter(pl.col("vector").is_not_null(), pl.col("number").is_in(numbers))
        if len(vectors):
            cosines[kind] = _cosines(connection, kind, encoder_id, vectors, as_of)
    together = with_common_posts(cosines) if len(cosines) > 1 else {}
    for each in asked:
        known = {kind: one for kind, one in cosines.items() if each.number in one.rows}
        if len(known) > 1 and len(together["text"].posts):
            yield from nearest_posts(each, together, own=limits[0], others=limits[1])
        elif known:
            kind = next(iter(known))
            yield from nearest_posts(each, {kind: known[kind]}, own=limits[0], others=limits[1])


def _cosines(
    connection: duckdb.DuckDBPyConnection,
    kind: Kind,
    encoder_id: str,
    vectors: pl.DataFrame,
    as_of: datetime,
) -> Cosines:
    posts = read_vectors_of_published(
        connection,
        CONTENTS[kind],
        encoder_id=encoder_id,
        dimensions=len(vectors["vector"][0]),
        as_of=as_of,
    )
    return cosines_with(vectors, posts)


def _post(row: dict[str, Any], media: Storage) -> SimilarPost:
    rates = {each["activity"]: each["rate"] for each in row["rates"] or ()}
    return SimilarPost(
        row["owner_id"],
        row["owner_name"],
        row["post_id"],
        row["published_at"],
        row["text"],
        row["is_own"],
        rates,
        row["text_cosine"],
        row["picture_cosine"],
        _stored_picture(media, row["image_hash"]),
    )


def _stored_picture(media: Storage, image_hash: str | None) -> bytes | None:
    if image_hash is None:
        return None
    try:
        return picture_file(media, image_hash).read_bytes()
    except (OSError, StorageError, ValueError):  # never stored, or removed since, or out of reach
        return None
