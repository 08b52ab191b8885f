"""Single facts the warehouse keeps by name, such as which encoder is in use."""

import duckdb

from warehouse.database import transaction


def read_constant(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """The value kept under ``name``, or ``None``."""
    # To its end: a result that is left keeps a transaction of a lake's catalog open.
    rows = connection.execute("SELECT value FROM constants WHERE name = ?", [name]).fetchall()
    return str(rows[0][0]) if rows else None


def write_constant(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    """Keep ``value`` under ``name``, in place of any other."""
    if read_constant(connection, name) == value:
        return
    with transaction(connection):
        connection.execute("DELETE FROM constants WHERE name = ?", [name])
        connection.execute("INSERT INTO constants VALUES (?, ?)", [name, value])
