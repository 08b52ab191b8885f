"""Reading a table or query row by row, some at a time, from a server-side cursor."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl
import sqlalchemy as sa

from vkflow.errors import SourceError
from vkflow.settings.sources import DatabaseSettings
from vkflow.sources.columns import COLUMNS, NOTHING, find_columns
from vkflow.sources.database.lengths import MAX_BYTES, long_values
from vkflow.sources.database.position import Position
from vkflow.sources.validation import CLOCK_SKEW

REQUIRED = ("post_id", "text")
NAME = "row "
FETCHED_ROWS = 16
"""The driver holds so many at once, each with a picture of up to 10 MB or more."""


@dataclass(frozen=True)
class Batch:
    """Some rows.

    Attributes:
        rows: ``COLUMNS``, as text.
        unreadable: why rows cannot be read, and how they begin.
        ahead: keys and values of rows whose cursor lies in the future.
        furthest: the last position of them; ``None`` where the cursor column has no value.
    """

    rows: pl.DataFrame
    unreadable: tuple[tuple[str, str], ...]
    ahead: tuple[tuple[str, str], ...]
    furthest: Position | None


class _Row(NamedTuple):
    """A row: its values as text, why it cannot be read, and where its cursor stands."""

    texts: list[str | None]
    problem: str | None
    position: Position | None


class Reader:
    """Reads on one connection.

    Attributes:
        columns: names of the columns there by ours.

    Args:
        connection: open; is read from while batches are taken.
        settings: what to read.
        of: of what its positions are.
        as_of: rows with a later time in the cursor column are left for another night.
        batch_characters: of texts and pictures at a time, about.
        required: columns that must be there.
        meant: see :func:`vkflow.sources.columns.find_columns`.

    Raises:
        SourceError: there is no such column.
    """

    def __init__(
        self,
        connection: sa.Connection,
        settings: DatabaseSettings,
        of: str,
        as_of: datetime,
        batch_characters: int,
        required: Sequence[str] = REQUIRED,
        meant: Mapping[str, Sequence[str]] = NOTHING,
    ) -> None:
        self._batch_characters = batch_characters
        self._connection, self._settings, self._of, self._as_of = connection, settings, of, as_of
        self._strange: str | None = None
        self._ahead: list[tuple[str, str]] = []
        self._posts = _posts_clause(settings)
        everything: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(self._posts)
        with connection.execute(everything.limit(0)) as nothing:
            present = list(nothing.keys())
            kinds = [column[1] for column in nothing.cursor.description]
        place = f"table {settings.table}" if settings.table else "the query"
        self.columns = find_columns(present, settings.columns, required, place, meant=meant)
        if settings.cursor:
            find_columns(present, {"text": settings.cursor}, (), place)
        read = {*self.columns.values(), settings.cursor}
        asked = {name: kind for name, kind in zip(present, kinds, strict=True) if name in read}
        self._long = long_values(connection, asked)

    def batches(self, after: Position | None) -> Iterator[Batch]:
        """Rows from a position on, by the cursor column; all where there is none.

        Raises:
            SourceError: the cursor column has values, but neither numbers nor times.
        """
        fetched_rows = min(FETCHED_ROWS, self._settings.chunk_rows)
        result = self._connection.execution_options(
            stream_results=True, max_row_buffer=fetched_rows
        ).execute(self._statement(after))
        taken: list[_Row] = []
        characters = 0
        for fetched in result.partitions(fetched_rows):
            for row in map(self._row, fetched):
                if not self._is_known(row.position):
                    self._note_if_ahead(row)
                    continue
                taken.append(row)
                characters += sum(len(text) for text in row.texts if text)
                if len(taken) >= self._settings.chunk_rows or characters >= self._batch_characters:
                    yield self._batch(taken)
                    taken, characters = [], 0
        if taken or self._ahead:
            yield self._batch(taken)

    def _statement(self, after: Position | None) -> sa.Select[Any]:
        cursor: Any = sa.column(self._settings.cursor) if self._settings.cursor else None
        wanted: list[Any] = [self._unless_long(theirs) for theirs in self.columns.values()]
        any_long = sa.case((sa.or_(sa.false(), *self._long.values()), 1), else_=0)
        last = self._unless_long(self._settings.cursor) if self._settings.cursor else sa.null()
        labelled = [
            each.label(f"c{number}") for number, each in enumerate([*wanted, any_long, last])
        ]
        statement = sa.select(*labelled).select_from(self._posts)
        if cursor is None:
            return statement
        if after is not None:
            is_sqlite = self._connection.dialect.name == "sqlite"
            lowest = after.bound(self._settings.lag, times_are_text=is_sqlite)
            # A row without a value can only be read every time.
            statement = statement.where(sa.or_(cursor >= lowest, cursor.is_(None)))
        return statement.order_by(cursor)

    def _unless_long(self, name: str) -> sa.ColumnElement[Any]:
        column: sa.ColumnElement[Any] = sa.column(name)
        is_long = self._long.get(name)
        return column if is_long is None else sa.case((is_long, sa.null()), else_=column)

    def _row(self, row: Sequence[Any]) -> _Row:
        texts = [_text(ours, value) for ours, value in zip(self.columns, row, strict=False)]
        return _Row(texts, _problem(texts, is_long=bool(row[-2])), self._position(row[-1]))

    def _position(self, cursor: Any) -> Position | None:
        """Nowhere without a number or time: such a row is read every time."""
        position = Position.at(cursor, self._of)
        if cursor is not None and position is None:
            self._strange = str(cursor)
        return position

    def _note_if_ahead(self, row: _Row) -> None:
        """A row of tomorrow waits for tomorrow's night; one of the year 2999 waits in vain."""
        if row.position and row.position.is_after(datetime.now(UTC) + CLOCK_SKEW):
            named = dict(zip(self.columns, row.texts, strict=True))
            owner_id = named.get("owner_id") or 0
            self._ahead.append((f"{owner_id}_{named.get('post_id')}", str(row.position.value)))

    def _is_known(self, position: Position | None) -> bool:
        return position is None or not position.is_after(self._as_of)

    def _batch(self, rows: list[_Row]) -> Batch:
        frame = pl.DataFrame(
            [row.texts for row in rows if row.problem is None],
            schema=dict.fromkeys(self.columns, pl.String),
            orient="row",
        )
        absent = [ours for ours in COLUMNS if ours not in self.columns]
        positions = [row.position for row in rows if row.position is not None]
        if self._strange and not positions:
            raise SourceError(
                f"database.cursor must be a column of numbers or times that grow; "
                f"{self._settings.cursor} has {self._strange[:40]!r}"
            )
        ahead, self._ahead = self._ahead, []
        return Batch(
            ahead=tuple(ahead),
            rows=frame.with_columns(pl.lit(None, pl.String).alias(ours) for ours in absent),
            unreadable=tuple((row.problem, _shown(row.texts)) for row in rows if row.problem),
            furthest=max(positions, key=lambda position: position.rank, default=None),
        )


def name_rows(rows: pl.DataFrame) -> pl.Series:
    """Names of rows that cannot be called by their ids."""
    names = [row_name(json.dumps(given)) for given in rows["given"]]
    return pl.Series(names, dtype=pl.String)


def row_name(content: str) -> str:
    """A row that has no id is called by what is in it."""
    return f"{NAME}{hashlib.blake2b(content.encode(), digest_size=6).hexdigest()}"


def _posts_clause(settings: DatabaseSettings) -> sa.FromClause:
    if settings.table:
        *schema, name = settings.table.rsplit(".", 1)
        return sa.table(name, schema=schema[0] if schema else None)
    query = (settings.query or "").strip().rstrip(";").replace(":", "\\:")
    return sa.text(f"{query}\n").columns().subquery("posts")


def _text(ours: str, value: Any) -> str | None:
    match value:
        case None | str():
            return value
        case bytes() | bytearray() | memoryview():
            content = bytes(value)
            if ours == "photo":
                return base64.b64encode(content).decode()
            return content.decode("utf-8", "surrogateescape")
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _problem(texts: Sequence[str | None], *, is_long: bool) -> str | None:
    if is_long:
        return f"the row has a value of more than {MAX_BYTES // 2**20} MiB, which no post has"
    return None if all(map(_is_unicode, texts)) else "the row has bytes that are no UTF-8"


def _is_unicode(text: str | None) -> bool:
    try:
        return text is None or text.isascii() or bool(text.encode()) or True
    except UnicodeEncodeError:
        return False


def _shown(texts: Sequence[str | None]) -> str:
    return json.dumps([text and text[:100] for text in texts])
