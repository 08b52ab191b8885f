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
from itertools import chain, count
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl
import pyarrow as pa

from warehouse.database import STORAGE_VERSION, explained, refuse_odd_file
from warehouse.errors import QueryError, WarehouseError
from warehouse.schema import create_views
from warehouse.vectors import copy_vectors, create_similar_to

T = TypeVar("T")

READ_ONLY = 0o444
POLL_SECONDS = 0.1
SHUT_IN: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "python_enable_replacements": False,
}
"""A query gets at nothing but the snapshot: no other file, no extension, no variable of Python."""

CALENDAR = (-719_162, 2_932_897)
"""The years 1 to 9999 in days since 1970, the end excluded."""
CAST = "cast it to VARCHAR"
A_DAY = {None: 1, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}

BATCH_ROWS = 10_000
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
        QueryError: the query does not run, the message is DuckDB's; or there is none, or several.
    """
    with open_snapshot(snapshot) as connection:
        found = _statements(connection, statement)
        if len(found) > 1:
            raise QueryError(f"there are {len(found)} statements where one was expected")
        return pl.concat(_batches(connection, found[0], parameters))


def read_answers(
    snapshot: Path, text: str, memory_limit: str | None = None
) -> Iterator[Iterator[pl.DataFrame]]:
    """Run all statements of a text on the published snapshot, read-only, one after another.

    Args:
        snapshot: the file.
        text: statements, with semicolons between them.
        memory_limit: DuckDB's ``memory_limit``, such as ``4GB``.

    Yields:
        Of each query its rows in batches, to be read before the next one; the first frame, which
        has no rows, has the columns. Nothing of a statement that only does something, as SET does.

    Raises:
        WarehouseError: nothing has been published yet, or the file is damaged.
        QueryError: a query does not run, the message is DuckDB's; or there is none.
    """
    with open_snapshot(snapshot, memory_limit) as connection:
        for statement in _statements(connection, text):
            batches = _batches(connection, statement, ())
            if statement.expected_result_type[0] == duckdb.ExpectedResultType.QUERY_RESULT:
                yield batches
            else:
                list(batches)


@contextmanager
def open_snapshot(
    snapshot: Path, memory_limit: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
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
    limited = {"memory_limit": memory_limit} if memory_limit else {}
    try:
        connection = duckdb.connect(str(snapshot), read_only=True, config=SHUT_IN | limited)
    except duckdb.Error as error:  # damaged, too little memory, or open in this process already
        raise explained(snapshot, error) from error
    with connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET lock_configuration = true")
        yield connection


def _statements(connection: duckdb.DuckDBPyConnection, text: str) -> list[duckdb.Statement]:
    if NO_TEXT.search(text):  # behind a NUL nothing would be read
        raise QueryError("the query has characters that are no text")
    with _told():
        if not (found := connection.extract_statements(text)):
            raise QueryError("there is no statement in this query")
    return found


def _batches(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, parameters: Sequence[object]
) -> Iterator[pl.DataFrame]:
    with _told():
        reader = _stopped_by_ctrl_c(
            connection,
            lambda: connection.execute(statement, list(parameters)).to_arrow_reader(BATCH_ROWS),
        )
        _refuse_unread_kinds(reader.schema)
        names = _distinct(reader.schema.names)
        yield pl.DataFrame(reader.schema.empty_table().rename_columns(names))
        while batch := _stopped_by_ctrl_c(connection, lambda: next(reader, None)):
            _refuse_times_of_no_calendar(batch)
            yield pl.DataFrame(batch.rename_columns(names))


def _distinct(names: Sequence[str]) -> list[str]:
    """``a, a`` as ``a, a_1``, in DuckDB's way: no two columns of a frame have the same name."""
    taken: dict[str, None] = {}
    for name in names:
        others = (f"{name}_{number}" for number in count(1))
        taken[next(each for each in chain([name], others) if each not in taken)] = None
    return list(taken)


@contextmanager
def _told() -> Iterator[None]:
    """What is wrong with a query, as an error for people."""
    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError):
        raise QueryError(
            "the query needs more memory than it may take: ask for less at a time, or raise "
            "VKFLOW_WAREHOUSE__MEMORY_LIMIT"
        ) from None
    except duckdb.Error as error:
        raise QueryError(str(error)) from None
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        raise QueryError(
            f"a column has values of a kind that is not read: {CAST} ({error})"
        ) from None


def _stopped_by_ctrl_c(connection: duckdb.DuckDBPyConnection, query: Callable[[], T]) -> T:
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


def _refuse_unread_kinds(schema: pa.Schema) -> None:
    """Polars panics at some of them, and would show others as bytes of no meaning."""
    for field in schema:
        kinds = [field.type]
        for kind in kinds:
            kinds += [kind.field(number).type for number in range(kind.num_fields)]
        if any(map(_is_unread, kinds)):
            raise QueryError(f"{field.name} has values of a kind that is not read: {CAST}")


def _is_unread(kind: pa.DataType) -> bool:
    is_opaque = isinstance(kind, pa.OpaqueType)
    return bool(is_opaque or pa.types.is_interval(kind) or pa.types.is_union(kind))


def _refuse_times_of_no_calendar(rows: pa.RecordBatch) -> None:
    """Polars holds them, and panics when it is to write them out."""
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        for times in map(pl.Series, filter(_are_times, _leaves(column))):
            days = times.cast(pl.Int64) // A_DAY[getattr(times.dtype, "time_unit", None)]
            if not days.is_between(*CALENDAR, closed="left").all():
                raise QueryError(f"{name} has times outside of the calendar: {CAST}")


def _are_times(values: pa.Array) -> bool:
    return bool(pa.types.is_date(values.type) or pa.types.is_timestamp(values.type))


def _leaves(values: pa.Array) -> Iterator[pa.Array]:
    """What is in lists and records, at any depth."""
    if not pa.types.is_nested(values.type):
        yield values
        return
    if pa.types.is_map(values.type):
        parts = [values.keys, values.items]
    elif pa.types.is_struct(values.type):
        parts = values.flatten()
    else:
        parts = [values.flatten()]
    for part in parts:
        yield from _leaves(part)
