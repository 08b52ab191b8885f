"""Pictures, their vectors, category scores and tags, by content hash."""

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.schema import query
from warehouse.writing import replace_rows


def known_images(connection: duckdb.DuckDBPyConnection, hashes: pl.DataFrame) -> pl.DataFrame:
    """Those of ``hashes`` (column image_hash) the warehouse has a row of: image_hash, status."""
    connection.register("wanted", hashes.select("image_hash").unique().to_arrow())
    try:
        return connection.execute(
            "SELECT image_hash, status FROM images SEMI JOIN wanted USING (image_hash)"
        ).pl()
    finally:
        connection.unregister("wanted")


def write_images(connection: duckdb.DuckDBPyConnection, images: pl.DataFrame) -> int:
    """Store image_hash, width, height, bytes, status, error. Call it inside a transaction."""
    return replace_rows(connection, "images", images, ("image_hash",))


def images_without_tags(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, taxonomy: str, limit: int
) -> list[str]:
    """Up to ``limit`` hashes of good pictures that lack a vector or scores, newest first."""
    rows = connection.execute(
        query("images_without_tags"),
        {"encoder_id": encoder_id, "taxonomy": taxonomy, "limit": limit},
    ).fetchall()
    return [str(image_hash) for (image_hash,) in rows]


def count_images_without_tags(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, taxonomy: str
) -> int:
    """How many good pictures lack a vector of ``encoder_id`` or scores of ``taxonomy``."""
    row = connection.execute(
        query("count_images_without_tags"), {"encoder_id": encoder_id, "taxonomy": taxonomy}
    ).fetchone()
    return int(row[0]) if row else 0


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
    """Store vectors, full score vectors and ranked tags of a chunk of pictures, all or none."""
    picture = ("image_hash", "encoder_id")
    with transaction(connection):
        replace_rows(connection, "image_embeddings", embeddings, picture)
        replace_rows(connection, "image_scores", scores, (*picture, "taxonomy"))
        replace_rows(connection, "image_tags", tags, (*picture, "taxonomy", "rank"))


def pairs_without_similarity(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, limit: int
) -> pl.DataFrame:
    """Texts and pictures of posts to compare: text_hash, text, image_hash, embedding."""
    return connection.execute(
        query("pairs_without_similarity"), {"encoder_id": encoder_id, "limit": limit}
    ).pl()


def write_similarities(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    """Store text_hash, image_hash, encoder_id, similarity of a chunk of pairs."""
    with transaction(connection):
        key = ("text_hash", "image_hash", "encoder_id")
        replace_rows(connection, "text_image_similarities", rows, key)


def write_image_failure(
    connection: duckdb.DuckDBPyConnection, image_hashes: list[str], status: str, error: str
) -> None:
    """Mark stored pictures that can no longer be read, so that no night trips over them again."""
    with transaction(connection):
        connection.execute(
            "UPDATE images SET status = ?, error = ? WHERE list_contains(?, image_hash)",
            [status, error, image_hashes],
        )
