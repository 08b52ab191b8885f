"""What is known of drafts, by the very query that tells what is known of posts.

Drafts are no posts and stay out of their tables: a small database in memory holds what they say,
and the statement of ``selected_features`` runs there. What is learnt and what is asked agree, since
there is one statement of both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import duckdb
import polars as pl

from warehouse.owner_history import read_history_at
from warehouse.reading import first_row
from warehouse.schema import query
from warehouse.writing import registered

TIME = pl.Datetime("us", "UTC")
VECTOR = pl.List(pl.Float32)
HASH = {"text_hash": pl.String}
PICTURE = {"image_hash": pl.String, "encoder_id": pl.String}
POSTS_SCHEMA: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "owner_id": pl.Int64,
    "post_id": pl.Int64,
    "published_at": TIME,
    "text": pl.String,
    **HASH,
    "image_hash": pl.String,
    "is_ad": pl.Boolean,
}
CONTENT_SCHEMAS: Mapping[str, Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "text_embeddings": {
        **HASH,
        "encoder_id": pl.String,
        "embedding": VECTOR,
        "n_tokens": pl.Int32,
        "truncated": pl.Boolean,
    },
    "image_embeddings": {**PICTURE, "embedding": VECTOR},
    "image_scores": {**PICTURE, "taxonomy": pl.String, "scores": VECTOR},
    "image_tags": {
        **PICTURE,
        "taxonomy": pl.String,
        "category": pl.String,
        "score": pl.Float32,
        "rank": pl.Int32,
    },
    "text_image_similarities": {**HASH, **PICTURE, "similarity": pl.Float32},
}


def no_content(table: str) -> pl.DataFrame:
    """An empty frame of one of ``CONTENT_SCHEMAS``."""
    return pl.DataFrame(schema=dict(CONTENT_SCHEMAS[table]))


@dataclass(frozen=True)
class DraftContents:
    """What drafts say, in the columns of the tables of posts.

    Attributes:
        posts: ``POSTS_SCHEMA``; ``post_id`` is the number of the draft, from 0, and
            ``published_at`` when it would be published.
        text_statistics: of every text, with its hash and version.
        text_embeddings: ``CONTENT_SCHEMAS``, likewise the others.
        image_embeddings: of pictures.
        image_scores: of pictures.
        image_tags: of pictures.
        text_image_similarities: of texts and pictures that come together.
    """

    posts: pl.DataFrame
    text_statistics: pl.DataFrame
    text_embeddings: pl.DataFrame
    image_embeddings: pl.DataFrame
    image_scores: pl.DataFrame
    image_tags: pl.DataFrame
    text_image_similarities: pl.DataFrame


def draft_features(
    connection: duckdb.DuckDBPyConnection,
    contents: DraftContents,
    moment: datetime | pl.Series,
    *,
    encoder_id: str,
    tagger_id: str,
    taxonomy: str,
    statistics_version: int,
) -> pl.DataFrame:
    """Everything features are made of, for drafts, knowing of their owners what is known now.

    Args:
        connection: the open warehouse; it sees what was known at its ``as_of``.
        contents: what the drafts say.
        moment: what was known when: now, or a moment for each draft. A draft of next Friday has
            the history of now, since nobody knows what comes in between.
        encoder_id: whose text vectors to read.
        tagger_id: whose picture vectors, scores and tags to read.
        taxonomy: whose categories to read.
        statistics_version: which text statistics to read.

    Returns:
        The rows of ``warehouse.features.selected_features``, in the order of the drafts.
    """
    posts = contents.posts.with_columns(pl.lit(moment).cast(TIME).alias("published_at"))
    tables = {field.name: getattr(contents, field.name).unique() for field in fields(contents)}
    del tables["posts"]
    parameters = {
        "encoder_id": encoder_id,
        "tagger_id": tagger_id,
        "taxonomy": taxonomy,
        "statistics_version": statistics_version,
        "start": 0,
        "stop": len(posts),
    }
    found = _asked_apart(tables | _known_of(connection, posts), parameters)
    return found.with_columns(contents.posts["published_at"])


def _known_of(
    connection: duckdb.DuckDBPyConnection, posts: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """What the warehouse knows of the drafts' owners, and the drafts in the place of posts."""
    history = read_history_at(connection, posts)
    members = connection.execute(
        "FROM owner_members WHERE list_contains($owners, owner_id)",
        {"owners": posts["owner_id"].unique().to_list()},
    ).pl()
    return {
        "selected_posts": posts.select(
            "owner_id", "post_id", "published_at", position=pl.int_range(pl.len())
        ),
        "selected_history": history.rename(
            lambda name: name if name in ("owner_id", "post_id") else f"history_{name}"
        ),
        "owner_members": members,
        "first_contents": posts,
    }


def _asked_apart(
    tables: Mapping[str, pl.DataFrame], parameters: Mapping[str, object]
) -> pl.DataFrame:
    """The answer of ``selected_features`` on tables of its own."""
    with duckdb.connect() as apart:
        apart.execute("SET TimeZone = 'UTC'")
        for name, frame in tables.items():
            with registered(apart, "incoming", frame):
                apart.execute(f"CREATE TABLE {name} AS FROM incoming")
        return apart.execute(query("selected_features"), dict(parameters)).pl()


@dataclass(frozen=True)
class Customs:
    """How the stored posts are written; see ``queries/customs.sql``."""

    breaks_lines_as_html: bool
    tells_adverts: bool
    compares_pictures: bool


def read_customs(connection: duckdb.DuckDBPyConnection, tagger_id: str) -> Customs:
    """How posts are written that a draft is to be compared with.

    Args:
        connection: the open warehouse.
        tagger_id: of the pictures.
    """
    row = first_row(connection.execute(query("customs"), {"tagger_id": tagger_id}))
    return Customs(*map(bool, row or (False, False, False)))


def read_known_owners(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Owners with posts, those with the most first: owner_id, name, screen_name."""
    return connection.execute(query("known_owners")).pl()


def read_recent_posts(
    connection: duckdb.DuckDBPyConnection,
    owner_ids: Sequence[int],
    *,
    as_of: datetime,
    model_version: str,
    limit: int,
) -> pl.DataFrame:
    """What was forecast of owners' last posts by then, or else what they got.

    Args:
        connection: the open warehouse.
        owner_ids: whose.
        as_of: nothing later is known.
        model_version: whose predictions come first.
        limit: how many posts of each owner.

    Returns:
        owner_id, post_id, activity, probability.
    """
    parameters = {
        "owner_ids": list(owner_ids), "as_of": as_of, "model_version": model_version,
        "limit": limit,
    }  # fmt: skip
    return connection.execute(query("recent_posts"), parameters).pl()
