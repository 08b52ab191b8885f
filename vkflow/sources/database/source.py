"""A table or query of an SQL database as a source; it is only read, so read access suffices."""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import polars as pl
import sqlalchemy as sa

from vkflow.databases.connections import (
    explained,
    is_passing,
    is_to_be_given_up,
    is_unanswered,
    no_answer,
    open_database,
    refuse_missing_file,
    seconds_until_next,
    shown,
)
from vkflow.errors import SettingsError, SourceError, TransientError
from vkflow.settings.sources import DatabaseSettings
from vkflow.sources.columns import check_mapping
from vkflow.sources.database.position import Position
from vkflow.sources.database.reading import NAME, Batch, Reader, name_rows, row_name
from vkflow.sources.rows import SeenRows, rows_to_chunks
from vkflow.sources.source import REJECTED_SCHEMA, Chunk

ATTEMPTS = 5
CHUNK_BYTES = 2**25
logger = logging.getLogger(__name__)


class DatabaseSource:
    """Reads a table or query; with a cursor column only what is new in it.

    Args:
        settings: where, what, and by which column.
        sleep: waits that many seconds; replaced in tests.
        chunk_bytes: bytes of texts and pictures at a time, about.

    Raises:
        SettingsError: something is missing or unknown.
    """

    name = "database"

    def __init__(
        self,
        settings: DatabaseSettings,
        sleep: Callable[[float], None] = time.sleep,
        *,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        self._chunk_bytes = chunk_bytes
        if settings.url is None:
            raise SettingsError(
                "source = database needs the SQLAlchemy URL of a database: set VKFLOW_DATABASE__URL"
            )
        if bool(settings.table) == bool(settings.query):
            raise SettingsError(
                "source = database needs to know what to read: set either VKFLOW_DATABASE__TABLE "
                "or VKFLOW_DATABASE__QUERY"
            )
        check_mapping(settings.columns, "database.columns")
        self._settings, self._sleep = settings, sleep
        self._engine = open_database(settings.url, "database.url")
        refuse_missing_file(self._engine)
        self._of = f"{settings.table or settings.query}: {settings.cursor}"

    def fetch(self, since: str | None, as_of: datetime) -> Iterator[Chunk]:
        """Rows from the last position less the lag on; a lost connection is opened again.

        Raises:
            TransientError: the connection is lost again and again.
            SourceError: the database refuses, or nobody answers there.
        """
        position, failures, has_answered = Position.read(since, self._of), 0, False
        while True:
            try:
                for chunk in self._read(position, as_of):
                    yield chunk
                    position, failures = Position.read(chunk.watermark, self._of), 0
                    has_answered = True
                return
            except sa.exc.DBAPIError as error:
                failures += 1
                has_answered = has_answered or not is_unanswered(error, self._engine)
                self._wait_or_give_up(error, failures, has_answered=has_answered)

    def describe(self) -> str:
        """Connect and look for the columns; returns what was found.

        Raises:
            SourceError: the database does not answer, or there is no such table or column.
        """
        try:
            with self._engine.connect() as connection:
                now = datetime.now(UTC)
                reader = Reader(connection, self._settings, self._of, now, self._chunk_bytes)
                columns = reader.columns
        except sa.exc.DBAPIError as error:
            raise SourceError(f"{shown(self._engine)}: {explained(error, self._engine)}") from None
        place = self._settings.table or "the query"
        return f"{shown(self._engine)}, {len(columns)} columns of {place}"

    def _wait_or_give_up(
        self, error: sa.exc.DBAPIError, failures: int, *, has_answered: bool
    ) -> None:
        problem = f"{shown(self._engine)}: {explained(error, self._engine)}"
        if not is_passing(error, self._engine):
            raise SourceError(f"the database cannot be read: {problem}") from None
        if not has_answered and is_to_be_given_up(error, failures):
            raise SourceError(no_answer(error, self._engine, "VKFLOW_DATABASE__URL")) from None
        if failures >= ATTEMPTS:
            raise TransientError(f"the database could not be reached {failures} times: {problem}")
        what = "the connection was lost" if has_answered else "there is no connection yet"
        logger.warning("trying again, %s: %s", what, problem)
        self._sleep(seconds_until_next(failures))

    def _read(self, position: Position | None, as_of: datetime) -> Iterator[Chunk]:
        seen = SeenRows()
        with self._engine.connect() as connection:
            reader = Reader(connection, self._settings, self._of, as_of, self._chunk_bytes)
            for number, batch in enumerate(reader.batches(position)):
                furthest = [each for each in (position, batch.furthest) if each]
                position = max(furthest, key=lambda each: each.rank, default=None)
                first, *others = _chunks(batch, seen, position)
                is_all_anew = number == 0 and self._settings.cursor is None
                yield replace(first, reread=NAME) if is_all_anew else first
                yield from others


def _chunks(batch: Batch, seen: SeenRows, position: Position | None) -> list[Chunk]:
    """Of a batch; it is read once the last of them is stored."""
    first, *others = rows_to_chunks(batch.rows, seen, name_rows, makes_ids=False)
    unreadable = [(row_name(text), reason, text) for reason, text in batch.unreadable]
    ahead = [
        (key, "the cursor lies in the future: the row is not read before", value)
        for key, value in batch.ahead
    ]
    rejected = pl.DataFrame([*unreadable, *ahead], schema=dict(REJECTED_SCHEMA), orient="row")
    first = replace(
        first,
        rejected=pl.concat([first.rejected, rejected]),
        seen=(first.seen or 0) + len(unreadable) + len(ahead),
    )
    *before, last = [first, *others]
    return [*before, replace(last, watermark=position.write() if position else None)]
