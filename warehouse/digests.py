"""Digests of what the warehouse holds, to tell whether anything has changed."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import duckdb

from warehouse.reading import first_row
from warehouse.schema import query

NOT_DIGESTED = ("runs", "constants", "schema_migrations", "work_parts")
"""What every run writes, whether or not it finds anything to do; and when work was stored."""
VECTORS = ("text_embeddings", "image_embeddings", "image_scores", "category_embeddings")
"""Read by their number of rows alone: a vector never changes, it is only added or deleted."""


def digest_tables(connection: duckdb.DuckDBPyConnection) -> str:
    """A digest of all rows of all tables, whatever their order; 64 hexadecimal digits."""
    names = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() "
        "AND NOT temporary ORDER BY table_name"
    ).fetchall()
    parts = []
    for (table,) in names:
        if table in NOT_DIGESTED:
            continue
        rows = "0" if table in VECTORS else f"sum(hash({table})::HUGEINT)"
        found = connection.execute(f"SELECT count(*), {rows} FROM {table}")  # noqa: S608 - ours
        parts.append((table, first_row(found)))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def count_until(
    connection: duckdb.DuckDBPyConnection, borders: Sequence[datetime]
) -> list[tuple[int, int, int]]:
    """Snapshots and posts up to each moment, and posts before it; by time."""
    return connection.execute(query("moment_counts"), {"borders": list(borders)}).fetchall()
