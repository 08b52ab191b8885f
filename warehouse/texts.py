"""Text statistics and vectors, by text hash: equal texts are worked on once."""

from collections.abc import Iterator

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.parts import in_parts
from warehouse.schema import query
from warehouse.writing import add_missing_rows, registered, replace_rows


def texts_without_statistics(
    connection: duckdb.DuckDBPyConnection, version: int, rows: int
) -> Iterator[pl.DataFrame]:
    """Texts without statistics of ``version``, at most ``rows`` at a time: text_hash, text.

    Statistics may be stored between two frames.
    """
    missing = connection.execute(query("texts_without_statistics"), {"version": version}).pl()
    for (place,), stored in missing.group_by("place", maintain_order=True):
        for part in stored.iter_slices(rows):
            with registered(connection, "part", part):
                texts = f"SELECT text_hash, text FROM {place}"  # noqa: S608 - ours
                texts += " SEMI JOIN part ON rowid = part.row WHERE rowid BETWEEN ? AND ?"
                bounds = [part["row"].min(), part["row"].max()]
                found = connection.execute(texts, bounds).pl()
            yield found


def write_text_statistics(connection: duckdb.DuckDBPyConnection, statistics: pl.DataFrame) -> int:
    """Store statistics: text_hash, version and the columns of ``text_statistics``."""
    with transaction(connection):
        return replace_rows(connection, "text_statistics", statistics, ("text_hash", "version"))


def texts_without_embedding(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, rows: int
) -> Iterator[pl.DataFrame]:
    """Non-empty texts without a vector of ``encoder_id``, ``rows`` at a time, newest posts first.

    Texts on which this encoder failed are left out.
    """
    return in_parts(connection, query("texts_without_embedding"), {"encoder_id": encoder_id}, rows)


def write_text_embeddings(connection: duckdb.DuckDBPyConnection, embeddings: pl.DataFrame) -> int:
    """Add the vectors that are missing; call it inside a transaction.

    Args:
        connection: the open warehouse.
        embeddings: text_hash, encoder_id, embedding (list of float32), n_tokens, truncated.
    """
    return add_missing_rows(connection, "text_embeddings", embeddings, ("text_hash", "encoder_id"))
