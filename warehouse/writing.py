"""Writes from Polars frames: deduplicate, delete, insert, all in the caller's transaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import polars as pl
import pyarrow as pa

from warehouse.database import ROW_GROUP_ROWS
from warehouse.reading import first_row


@contextmanager
def registered(
    connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame
) -> Iterator[None]:
    """Let SQL read ``frame`` under ``name``.

    DuckDB reads one Arrow batch per thread, and whole row groups go straight to its file, past the
    log: vectors are written in a third of the time.
    """
    table = frame.to_arrow()
    batches = table.to_batches(max_chunksize=ROW_GROUP_ROWS)
    connection.register(name, pa.Table.from_batches(batches, table.schema))
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
    rows = _last_of_equal(frame, keys)
    if rows.is_empty():
        return 0
    matching = " AND ".join(f"{table}.{key} IS NOT DISTINCT FROM incoming.{key}" for key in keys)
    with registered(connection, "incoming", rows):
        connection.execute(f"DELETE FROM {table} USING incoming WHERE {matching}")
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")
    return len(rows)


def delete_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame, keys: Sequence[str]
) -> None:
    """Delete the rows of ``table`` whose ``keys``, none of them NULL, are those of ``rows``."""
    if rows.is_empty():
        return
    matching = " AND ".join(f"{table}.{key} = gone.{key}" for key in keys)
    with registered(connection, "gone", rows.select(list(keys))):
        connection.execute(f"DELETE FROM {table} USING gone WHERE {matching}")


def add_missing_rows(
    connection: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame, keys: Sequence[str]
) -> int:
    """Insert the rows of ``frame`` whose ``keys`` the table does not have yet.

    Returns:
        The number of rows inserted.
    """
    rows = _last_of_equal(frame, keys)
    if rows.is_empty():
        return 0
    with registered(connection, "incoming", rows):
        written = first_row(
            connection.execute(
                f"INSERT INTO {table} BY NAME "
                f"SELECT incoming.* FROM incoming ANTI JOIN {table} USING ({', '.join(keys)})"
            )
        )
    return int(written[0]) if written else 0


def _last_of_equal(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The frame without rows whose keys come again; the frame itself where none do."""
    if not frame.select(list(keys)).is_duplicated().any():  # spares copying vectors
        return frame
    return frame.unique(subset=list(keys), keep="last", maintain_order=True)
