"""The published snapshot: a read-only copy for people with SQL, swapped in one step.

DuckDB opens a file for writing unless told otherwise, and then nobody else can open it; what it
writes goes to a log beside the file, which it would play into whatever file has that name next.
So nobody may write the snapshot, and a log beside it is a stranger's and goes.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from warehouse.answers import batches_of, is_answered, query_errors
from warehouse.database import STORAGE_VERSION, explained, refuse_odd_file
from warehouse.errors import QueryError, WarehouseError
from warehouse.schema import create_views
from warehouse.vectors import copy_vectors, create_similar_to

READ_ONLY = 0o444
SHUT_IN: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": False,
    "python_enable_replacements": False,
}
"""A query gets at nothing but the snapshot: no other file, no extension, no variable of Python."""

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
        *before, query = _statements(connection, statement)
        if any(map(is_answered, before)):
            raise QueryError(f"there are {len(before) + 1} statements where one was expected")
        for each in before:  # of a PIVOT DuckDB makes two
            list(batches_of(connection, each, ()))
        return pl.concat(batches_of(connection, query, parameters))


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
            batches = batches_of(connection, statement, ())
            if is_answered(statement):
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
    with query_errors():
        if not (found := connection.extract_statements(text)):
            raise QueryError("there is no statement in this query")
    return found
