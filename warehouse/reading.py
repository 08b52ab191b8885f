"""Reading a result to its end."""

from typing import Any

import duckdb


def first_row(
    found: duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation,
) -> tuple[Any, ...] | None:
    """The first row of a short result, or none; ``fetchone`` would leave the result open.

    Until the next statement PostgreSQL keeps the transaction that a lake's catalog was read in, and
    with it whatever maintenance would clear.
    """
    rows = found.fetchall()
    return rows[0] if rows else None
