"""What drafts resemble: the nearest published posts, and what these got."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from tasks.step import warehouse_of
from vkflow.drafts.draft import Draft
from vkflow.drafts.similar import SimilarPost
from vkflow.images.media import picture_file
from vkflow.insights.report.data import SimilarHide
from vkflow.settings import Settings
from vkflow.storage import Storage, StorageError
from warehouse.constants import read_constant
from warehouse.similar_posts import read_similar_posts, read_vectors_of_posts
from warehouse.vectors import ENCODERS, Content

SIMILAR_POSTS = 3
"""Of the own wall, and as many of all others."""


def similar_posts(
    settings: Settings,
    as_of: datetime,
    drafts: Sequence[Draft],
    content: Content,
    vectors: pl.Series,
    encoder_id: str,
) -> tuple[tuple[SimilarPost, ...], ...]:
    """The nearest posts of each draft, nearest first; none of one without a text, or picture.

    Args:
        settings: of the home.
        as_of: nothing later is known, UTC.
        drafts: at least one.
        content: what of them is compared.
        vectors: of their texts, or pictures, lists of float32, in their order; null without one.
        encoder_id: whose vectors these are.
    """
    given = pl.DataFrame(
        {
            "number": range(len(drafts)),
            "owner_id": [draft.owner_id for draft in drafts],
            "post_id": [None] * len(drafts),
            "vector": vectors,
        },
        schema_overrides={"post_id": pl.Int64, "vector": pl.List(pl.Float32)},
    )
    with warehouse_of(settings, as_of) as connection:
        found = read_similar_posts(
            connection, given, content, encoder_id=encoder_id, as_of=as_of, limit=SIMILAR_POSTS
        )
    similar: list[list[SimilarPost]] = [[] for _ in drafts]
    for row in found.iter_rows(named=True):
        similar[row["number"]].append(_post(row, settings.media))
    return tuple(tuple(posts) for posts in similar)


def hidden_before(
    connection: duckdb.DuckDBPyConnection, keys: pl.DataFrame, content: Content, as_of: datetime
) -> dict[tuple[int, int], list[SimilarHide]]:
    """What posts resemble of which it is known how often it was hidden, by owner and post id.

    Args:
        connection: the open warehouse, as of the moment.
        keys: owner_id, post_id.
        content: what of them is compared.
        as_of: nothing later is known, UTC.

    Returns:
        At most ``SIMILAR_POSTS`` each, nearest first; posts that resemble nothing are left out.
    """
    encoder_id = read_constant(connection, ENCODERS[content]) or "none"
    given = read_vectors_of_posts(connection, keys, content, encoder_id)
    found = read_similar_posts(
        connection, given, content, encoder_id=encoder_id, as_of=as_of, limit=SIMILAR_POSTS
    )
    asked = dict(enumerate(given.select("owner_id", "post_id").iter_rows()))
    hides: dict[tuple[int, int], list[SimilarHide]] = {}
    for row in found.iter_rows(named=True):
        rates = {each["activity"]: each["rate"] for each in row["rates"] or ()}
        if "hide" in rates:
            hide = SimilarHide(
                row["owner_id"], row["text"], row["image_hash"], row["cosine"], rates["hide"]
            )
            hides.setdefault(asked[row["number"]], []).append(hide)
    return {key: posts[:SIMILAR_POSTS] for key, posts in hides.items()}


def _post(row: dict[str, Any], media: Storage) -> SimilarPost:
    rates = {each["activity"]: each["rate"] for each in row["rates"] or ()}
    return SimilarPost(
        row["owner_id"],
        row["owner_name"],
        row["post_id"],
        row["published_at"],
        row["text"],
        row["cosine"],
        row["is_own"],
        rates,
        _stored_picture(media, row["image_hash"]),
    )


def _stored_picture(media: Storage, image_hash: str | None) -> bytes | None:
    if image_hash is None:
        return None
    try:
        return picture_file(media, image_hash).read_bytes()
    except (OSError, StorageError, ValueError):  # never stored, or removed since, or out of reach
        return None
