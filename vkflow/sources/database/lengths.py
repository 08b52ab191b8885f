"""Values longer than any post's stay in the database: a driver would hold them whole, in copies."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

MAX_BYTES = 2**24
"""Of a text or picture: more than a picture of 10 MB in base64."""

BYTES, TEXTS = 17, (25, 1042, 1043)
SHORT = (16, 20, 21, 23, 26, 700, 701, 1082, 1083, 1114, 1184, 1186, 1700, 2950)
"""Types of PostgreSQL (pg_type.oid): numbers, times and the like cannot be long."""

OCTET_LENGTH_SINCE = (3, 43)
"""The SQLite from which on it tells how long a text is without reading it."""


def long_values(
    connection: sa.Connection, columns: Mapping[str, Any]
) -> dict[str, sa.ColumnElement[bool]]:
    """Whether a value is too long, by column; without those that cannot be.

    Nothing is told of databases other than SQLite, PostgreSQL and MySQL, whose words for it differ.

    Args:
        connection: says which database it is.
        columns: names, and their types as the driver has them.
    """
    lengths = {
        name: _byte_length(connection.dialect.name, sa.column(name), kind)
        for name, kind in columns.items()
    }
    return {name: length > MAX_BYTES for name, length in lengths.items() if length is not None}


def _byte_length(
    dialect: str, column: sa.ColumnElement[Any], kind: Any
) -> sa.ColumnElement[int] | None:
    match dialect:
        case "sqlite" if sqlite3.sqlite_version_info < OCTET_LENGTH_SINCE:
            return sa.func.length(sa.cast(column, sa.BLOB))
        case "sqlite" | "mysql" | "mariadb":
            return sa.func.octet_length(column)
        case "postgresql" if kind not in SHORT:
            is_plain = kind == BYTES or kind in TEXTS
            return sa.func.octet_length(column if is_plain else sa.cast(column, sa.Text))
    return None
