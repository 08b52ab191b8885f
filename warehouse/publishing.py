"""The published snapshot: a read-only copy for people with SQL, swapped in one step.

DuckDB opens a file for writing unless told otherwise, and then nobody else can open it; what it
writes goes to a log beside the file, which it would play into whatever file has that name next.
So nobody may write the snapshot, and a log beside it is a stranger's and goes.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from warehouse.database import STORAGE_VERSION, explained, refuse_odd_file
from warehouse.errors import QueryError, WarehouseError
from warehouse.schema import create_views
from warehouse.vectors import copy_vectors, create_similar_to

READ_ONLY = 0o444
POLL_SECONDS = 0.1
SHUT_IN: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "python_enable_replacements": False,
}
"""A query gets at nothing but the snapshot: no other file, no extension, no variable of Python."""

CALENDAR = (-719_162, 2_932_897)
"""The years 1 to 9999 in days since 1970, the end excluded."""
A_DAY = {None: 1, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}

NO_TEXT = re.compile("[\0\ud800-\udfff]")
TABLES = (
    "owners",
    "posts",
    "labels",
    "grown_labels",
    "current_growth",
    "predictions",
    "images",
    "image_tags",
    "models",
    "model_metrics",
    "experiments",
    "backtests",
    "drift",
    "insights",
    "quarantine",
    "drafts",
    "draft_predictions",
    "trials",
    "trial_posts",
)


def publish(
    connection: duckdb.DuckDBPyConnection, snapshot: Path, *, with_vectors: bool = False
) -> None:
    """Write the tables people query to ``snapshot``.

    Readers of the old file go on reading it; whoever opens the path next sees the new one.

    Args:
        connection: the open warehouse.
        snapshot: the file to replace.
        with_vectors: also the tables of vectors, which ``similar_to`` reads.
    """
    snapshot.parent.mkdir(parents=True, exist_ok=True)
    draft = snapshot.with_name(f".{snapshot.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        has_vectors = _copy_tables(connection, draft, with_vectors=with_vectors)
        with duckdb.connect(str(draft)) as copy:
            create_views(copy, "shared")
            create_similar_to(copy, has_vectors=has_vectors)
        draft.chmod(READ_ONLY)
        log = _log_of(snapshot)
        log.unlink(missing_ok=True)  # before: no reader may find it beside the new file
        draft.replace(snapshot)
        log.unlink(missing_ok=True)  # who had the old file open may have written one meanwhile
    finally:
        for file in (draft, _log_of(draft)):
            file.unlink(missing_ok=True)


def is_published(snapshot: Path) -> bool:
    """Whether there is a snapshot as :func:`publish` leaves it."""
    is_whole = snapshot.exists() and not _log_of(snapshot).exists()
    return is_whole and not snapshot.stat().st_mode & 0o222


def _log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}.wal")


def _copy_tables(connection: duckdb.DuckDBPyConnection, draft: Path, *, with_vectors: bool) -> bool:
    """Copy the tables to a new file; returns whether it has vectors."""
    path = str(draft).replace("'", "''")
    connection.execute(f"ATTACH '{path}' AS draft (STORAGE_VERSION '{STORAGE_VERSION}')")
    try:
        for table in TABLES:
            connection.execute(f"CREATE TABLE draft.{table} AS FROM {table}")
        return with_vectors and copy_vectors(connection)
    finally:
        connection.execute("DETACH draft")


def read_snapshot(
    snapshot: Path, statement: str, parameters: Sequence[object] = ()
) -> pl.DataFrame:
    """Run one query on the published snapshot, read-only, with values for its question marks.

    Raises:
        WarehouseError: nothing has been published yet, or the file is damaged.
        QueryError: the query does not run, the message is DuckDB's; or there is none.
    """
    with open_snapshot(snapshot) as connection:
        return _answer(connection, statement, parameters)


@contextmanager
def open_snapshot(snapshot: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published snapshot, read-only, with times in UTC, and no way out of it.

    Raises:
        WarehouseError: nothing has been published yet, or the file is damaged.
    """
    if not snapshot.exists():
        raise WarehouseError(
            f"{snapshot} does not exist yet: nothing has been published. "
            f"Run `vkflow nightly` first, or set VKFLOW_HOME to the folder that has it."
        )
    refuse_odd_file(snapshot)
    try:
        connection = duckdb.connect(str(snapshot), read_only=True, config=SHUT_IN)
    except duckdb.IOException as error:
        raise explained(snapshot, error) from error
    with connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET lock_configuration = true")
        yield connection


def _answer(
    connection: duckdb.DuckDBPyConnection, statement: str, parameters: Sequence[object]
) -> pl.DataFrame:
    if NO_TEXT.search(statement):  # behind a NUL nothing would be read
        raise QueryError("the query has characters that are no text")
    try:
        if not connection.extract_statements(statement):
            raise QueryError("there is no statement in this query")
        answer = _stopped_by_ctrl_c(
            connection, lambda: connection.execute(statement, list(parameters)).pl()
        )
    except duckdb.Error as error:
        raise QueryError(str(error)) from None
    except pl.exceptions.PolarsError as error:
        raise QueryError(
            f"a column has values of a kind that is not read: cast it to VARCHAR ({error})"
        ) from None
    _refuse_times_of_no_calendar(answer)
    return answer


def _stopped_by_ctrl_c(
    connection: duckdb.DuckDBPyConnection, query: Callable[[], pl.DataFrame]
) -> pl.DataFrame:
    """DuckDB sees a Ctrl-C only between its tasks, of which a join of everything is one."""
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(query)
        try:
            while not waiting.done():
                wait([waiting], POLL_SECONDS)  # a wait without an end would not see it either
            return waiting.result()
        except KeyboardInterrupt:
            connection.interrupt()
            raise


def _refuse_times_of_no_calendar(answer: pl.DataFrame) -> None:
    """Polars holds them, and panics when it is to write them out."""
    for name, kind in answer.schema.items():
        if isinstance(kind, pl.Date | pl.Datetime):
            days = answer[name].cast(pl.Int64) // A_DAY[getattr(kind, "time_unit", None)]
            if not days.is_between(*CALENDAR, closed="left").all():
                raise QueryError(f"{name} has times outside of the calendar: cast it to VARCHAR")
