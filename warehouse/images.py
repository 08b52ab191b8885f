"""Pictures, their vectors, category scores and tags, by content hash."""

from collections.abc import Iterator

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.parts import in_parts
from warehouse.schema import query
from warehouse.writing import add_missing_rows, registered, replace_rows


def known_images(connection: duckdb.DuckDBPyConnection, hashes: pl.DataFrame) -> pl.DataFrame:
    """Rows of those of ``hashes`` (column image_hash) that it knows: image_hash, status, error."""
    connection.register("wanted", hashes.select("image_hash").unique().to_arrow())
    try:
        return connection.execute(
            "SELECT image_hash, status, error FROM images SEMI JOIN wanted USING (image_hash)"
        ).pl()
    finally:
        connection.unregister("wanted")


def write_images(connection: duckdb.DuckDBPyConnection, images: pl.DataFrame) -> int:
    """Store image_hash, width, height, bytes, status, error. Call it inside a transaction."""
    return replace_rows(connection, "images", images, ("image_hash",))


def images_without_tags(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, taxonomy: str, rows: int
) -> Iterator[pl.DataFrame]:
    """Good pictures that lack a vector or scores, ``rows`` at a time, newest first: image_hash.

    Pictures on which this tagger failed are left out.
    """
    parameters = {"encoder_id": encoder_id, "taxonomy": taxonomy}
    return in_parts(connection, query("images_without_tags"), parameters, rows)


def read_category_embeddings(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, taxonomy: str
) -> pl.DataFrame:
    """The stored prompt ensemble: category, embedding, in the order of the taxonomy."""
    return connection.execute(
        "SELECT category, embedding FROM category_embeddings "
        "WHERE encoder_id = ? AND taxonomy = ? ORDER BY position",
        [encoder_id, taxonomy],
    ).pl()


def write_category_embeddings(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    """Store encoder_id, taxonomy, position, category, embedding."""
    with transaction(connection):
        replace_rows(
            connection, "category_embeddings", rows, ("encoder_id", "taxonomy", "position")
        )


def write_tags(
    connection: duckdb.DuckDBPyConnection,
    embeddings: pl.DataFrame,
    scores: pl.DataFrame,
    tags: pl.DataFrame,
) -> None:
    """Add vectors, full score vectors and ranked tags of pictures where they are missing.

    Call it inside a transaction.
    """
    picture = ("image_hash", "encoder_id")
    add_missing_rows(connection, "image_embeddings", embeddings, picture)
    add_missing_rows(connection, "image_scores", scores, (*picture, "taxonomy"))
    add_missing_rows(connection, "image_tags", tags, (*picture, "taxonomy", "rank"))


def pairs_without_similarity(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, rows: int
) -> Iterator[pl.DataFrame]:
    """Texts and pictures of posts to compare, ``rows`` at a time.

    Texts on which this tagger's text tower failed are left out.

    Yields:
        text_hash, text, image_hash, embedding.
    """
    parameters = {"encoder_id": encoder_id}
    return in_parts(connection, query("pairs_without_similarity"), parameters, rows)


def write_similarities(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    """Add text_hash, image_hash, encoder_id, similarity of pairs that are missing.

    Call it inside a transaction.
    """
    key = ("text_hash", "image_hash", "encoder_id")
    add_missing_rows(connection, "text_image_similarities", rows, key)


def tagged_images(
    connection: duckdb.DuckDBPyConnection, hashes: pl.DataFrame, encoder_id: str, taxonomy: str
) -> list[str]:
    """Those of ``hashes`` (column image_hash) that have a vector and scores."""
    with registered(connection, "wanted", hashes):
        rows = connection.execute(
            "SELECT image_hash FROM wanted SEMI JOIN (FROM image_embeddings SEMI JOIN (FROM "
            "image_scores WHERE taxonomy = ?) USING (image_hash, encoder_id) WHERE encoder_id = ?) "
            "USING (image_hash)",
            [taxonomy, encoder_id],
        ).fetchall()
    return [str(image_hash) for (image_hash,) in rows]


def write_image_failure(
    connection: duckdb.DuckDBPyConnection, image_hashes: list[str], status: str, error: str
) -> None:
    """Mark stored pictures that can no longer be read, so that no night trips over them again."""
    connection.execute(
        "UPDATE images SET status = ?, error = ? WHERE list_contains(?, image_hash)",
        [status, error, image_hashes],
    )
