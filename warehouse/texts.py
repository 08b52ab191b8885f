"""Text statistics and vectors, by text hash: equal texts are worked on once."""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.schema import query
from warehouse.writing import replace_rows

QUARANTINE_SOURCE = "text encoder"
PAYLOAD_CHARACTERS = 200


def texts_without_statistics(
    connection: duckdb.DuckDBPyConnection, version: int, limit: int
) -> pl.DataFrame:
    """Up to ``limit`` texts without statistics of ``version``: text_hash, text."""
    return connection.execute(
        query("texts_without_statistics"), {"version": version, "limit": limit}
    ).pl()


def write_text_statistics(connection: duckdb.DuckDBPyConnection, statistics: pl.DataFrame) -> int:
    """Store statistics: text_hash, version and the columns of ``text_statistics``."""
    with transaction(connection):
        return replace_rows(connection, "text_statistics", statistics, ("text_hash", "version"))


def texts_without_embedding(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, limit: int
) -> pl.DataFrame:
    """Up to ``limit`` non-empty texts without a vector of ``encoder_id``, newest posts first.

    Texts on which this encoder failed are left out.
    """
    return connection.execute(
        query("texts_without_embedding"), {"encoder_id": encoder_id, "limit": limit}
    ).pl()


def count_texts_without_embedding(connection: duckdb.DuckDBPyConnection, encoder_id: str) -> int:
    """How many distinct non-empty texts have no vector of ``encoder_id``."""
    statement = query("count_texts_without_embedding")
    row = connection.execute(statement, {"encoder_id": encoder_id}).fetchone()
    return int(row[0]) if row else 0


def write_text_embeddings(connection: duckdb.DuckDBPyConnection, embeddings: pl.DataFrame) -> int:
    """Store vectors: text_hash, encoder_id, embedding (list of float32), n_tokens, truncated."""
    with transaction(connection):
        return replace_rows(connection, "text_embeddings", embeddings, ("text_hash", "encoder_id"))


def quarantine_texts(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, faulty: pl.DataFrame, now: datetime
) -> int:
    """Note texts on which an encoder fails, so that it does not try them again.

    Deleting a row of them lets it; another encoder tries in any case.

    Args:
        connection: the open warehouse.
        encoder_id: of the encoder.
        faulty: text_hash, text, reason.
        now: the moment of this run.
    """
    rows = faulty.select(
        pl.lit(f"{QUARANTINE_SOURCE} {encoder_id}").alias("source"),
        pl.col("text_hash").alias("key"),
        "reason",
        pl.col("text").str.slice(0, PAYLOAD_CHARACTERS).alias("payload"),
        pl.lit(now).alias("seen_at"),
    )
    with transaction(connection):
        return replace_rows(connection, "quarantine", rows, ("source", "key"))
