"""Text statistics and vectors, by text hash: equal texts are worked on once."""

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.schema import query
from warehouse.writing import replace_rows


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
    """Up to ``limit`` non-empty texts without a vector of ``encoder_id``, newest posts first."""
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
