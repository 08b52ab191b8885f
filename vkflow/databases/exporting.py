"""Writing tables to somebody's database: all of them or nothing, in place of what was there."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, count
from typing import Any

import polars as pl
import sqlalchemy as sa
from pydantic import SecretStr

from vkflow.databases.connections import (
    explained,
    is_passing,
    is_to_be_given_up,
    is_unanswered,
    no_answer,
    open_database,
    seconds_until_next,
    shown,
)
from vkflow.errors import ExportError, TransientError

KEYS = ("owner_id", "post_id", "activity")
KEY_CHARACTERS = 64
TYPES: Mapping[type[pl.DataType], type[sa.types.TypeEngine[Any]]] = {
    pl.Int64: sa.BigInteger,
    pl.Int32: sa.Integer,
    pl.Float64: sa.Double,
    pl.Float32: sa.Double,
    pl.Boolean: sa.Boolean,
}


def write_tables(
    url: SecretStr,
    tables: Mapping[str, Iterable[pl.DataFrame]],
    schema: str | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, int]:
    """Replace the rows of tables, in one transaction: readers see all of it or nothing.

    Args:
        url: SQLAlchemy URL of the database.
        tables: by name, their rows in batches; the first one, which may be empty, has the columns.
            Tables that are missing are made.
        schema: where the tables are; ``None``: where the connection puts them.
        sleep: waits that many seconds; replaced in tests.

    Returns:
        The rows written, by table.

    Raises:
        SettingsError: ``url`` is no URL, or its driver is not installed.
        ExportError: nobody answers there, the database refuses, or a table has other columns.
        TransientError: the connection was lost; nothing was written.
    """
    engine = open_database(url, "export.url")
    try:
        with _reached(engine, sleep) as connection, connection.begin():
            return {
                name: _replace_rows(connection, name, schema, iter(batches))
                for name, batches in tables.items()
            }
    except sa.exc.DBAPIError as error:
        problem = f"{shown(engine)}: {explained(error, engine)}"
        if is_passing(error, engine):
            raise TransientError(
                f"nothing was exported, the connection was lost: {problem}"
            ) from None
        raise ExportError(f"nothing was exported, the database refuses: {problem}") from None


def _reached(engine: sa.Engine, sleep: Callable[[float], None]) -> sa.Connection:
    """A connection; where nobody answers another try after minutes would be of no use."""
    for failures in count(1):
        try:
            return engine.connect()
        except sa.exc.DBAPIError as error:
            if not is_unanswered(error, engine):
                raise
            if is_to_be_given_up(error, failures):
                problem = no_answer(error, engine, "VKFLOW_EXPORT__URL")
                raise ExportError(f"nothing was exported, {problem}") from None
            sleep(seconds_until_next(failures))
    raise AssertionError


def _replace_rows(
    connection: sa.Connection, name: str, schema: str | None, batches: Iterator[pl.DataFrame]
) -> int:
    first = next(batches)
    table = sa.Table(name, sa.MetaData(schema=schema), *map(_column, first.columns, first.dtypes))
    table.create(connection, checkfirst=True)
    _check_columns(connection, table)
    _keep_others_from_writing(connection, table)
    connection.execute(table.delete())
    written = 0
    for batch in chain([first], batches):
        if len(batch):
            _insert(connection, table, batch)
            written += len(batch)
    return written


def _keep_others_from_writing(connection: sa.Connection, table: sa.Table) -> None:
    """Two exports at once would each delete the old rows and then insert theirs beside."""
    if connection.dialect.name == "postgresql":
        name = connection.dialect.identifier_preparer.format_table(table)
        connection.execute(sa.text(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE"))


def _column(name: str, kind: pl.DataType) -> "sa.Column[Any]":
    if isinstance(kind, pl.Datetime):
        return sa.Column(name, sa.DateTime(timezone=True))
    if name not in KEYS:
        return sa.Column(name, TYPES.get(type(kind), sa.Text)())
    sort = TYPES[type(kind)]() if type(kind) in TYPES else sa.String(KEY_CHARACTERS)
    return sa.Column(name, sort, primary_key=True, autoincrement=False)


def _check_columns(connection: sa.Connection, table: sa.Table) -> None:
    there = {each["name"] for each in sa.inspect(connection).get_columns(table.name, table.schema)}
    missing = [column.name for column in table.columns if column.name not in there]
    if missing:
        raise ExportError(
            f"nothing was exported: the table {table.fullname} has no columns "
            f"{', '.join(missing)}; drop it, or name another one in the settings of export"
        )


def _insert(connection: sa.Connection, table: sa.Table, rows: pl.DataFrame) -> None:
    if connection.dialect.driver == "psycopg":
        _copy(connection, table, rows)
    else:
        connection.execute(table.insert(), rows.to_dicts())


def _copy(connection: sa.Connection, table: sa.Table, rows: pl.DataFrame) -> None:
    """PostgreSQL's way for many rows, several times as fast as INSERT."""
    quote = connection.dialect.identifier_preparer
    columns = ", ".join(quote.quote(name) for name in rows.columns)
    statement = f"COPY {quote.format_table(table)} ({columns}) FROM STDIN"
    cursor: Any = connection.connection.cursor()
    errors = connection.dialect.loaded_dbapi.Error
    try:
        with cursor, cursor.copy(statement) as copy:
            for row in rows.iter_rows():
                copy.write_row(row)
    except errors as error:  # the driver's own, as SQLAlchemy has not run it
        raise sa.exc.DBAPIError.instance(None, None, error, errors) from None
