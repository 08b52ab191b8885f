"""Writes from Polars frames: deduplicate, delete, insert, all in the caller's transaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import polars as pl


@contextmanager
def registered(
    connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame
) -> Iterator[None]:
    """Let SQL read ``frame`` under ``name``."""
    connection.register(name, frame.to_arrow())
    try:
        yield
    finally:
        connection.unregister(name)


def replace_rows(
    connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame, keys: Sequence[str]
) -> int:
    """Put the rows of ``frame`` into ``table``, in place of rows with the same ``keys``.

    Of rows that share their keys inside the frame the last one stays. The columns of the
    frame must be columns of the table; others become NULL. Call it inside a transaction.

    Returns:
        The number of rows written.
    """
    rows = frame.unique(subset=list(keys), keep="last", maintain_order=True)
    if rows.is_empty():
        return 0
    matching = " AND ".join(f"{table}.{key} IS NOT DISTINCT FROM incoming.{key}" for key in keys)
    with registered(connection, "incoming", rows):
        connection.execute(f"DELETE FROM {table} USING incoming WHERE {matching}")
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
    return len(rows)


def add_missing_rows(
    connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame, keys: Sequence[str]
) -> int:
    """Insert the rows of ``frame`` whose ``keys`` the table does not have yet.

    Returns:
        The number of rows inserted.
    """
    rows = frame.unique(subset=list(keys), keep="last", maintain_order=True)
    if rows.is_empty():
        return 0
    with registered(connection, "incoming", rows):
        written = connection.execute(
            f"INSERT INTO {table} BY NAME "
            f"SELECT incoming.* FROM incoming ANTI JOIN {table} USING ({', '.join(keys)})"
        ).fetchone()
    return int(written[0]) if written else 0
