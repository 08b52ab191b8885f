"""Rows of a query, in batches; those that Polars would fail at are refused in a sentence."""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from errno import ENOMEM
from itertools import chain, count
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from warehouse.errors import QueryError
from warehouse.memory import memory_of_duckdb

POLL_SECONDS = 0.1
BATCH_ROWS = 10_000
BATCH_BYTES = 2**24
"""Of a frame: of larger rows come fewer at a time, and one that is larger by itself is refused."""

CALENDAR = (-719_162, 2_932_897)
"""The years 1 to 9999 in days since 1970, the end excluded."""
CAST = "cast it to VARCHAR"
A_DAY = {"day": 1, "s": 86_400, "ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}
TOO_LITTLE_MEMORY = (
    "the query needs more memory than it may take: ask for less at a time, or raise "
    "VKFLOW_WAREHOUSE__MEMORY_LIMIT"
)
SIGN_OF_NO_MEMORY = "Out of Memory Error"
"""Of DuckDB, where Arrow is between."""

RETURNING = re.compile(r"\bRETURNING\b", re.IGNORECASE)


def is_answered(statement: duckdb.Statement) -> bool:
    """Whether rows come of it that somebody asked for, and not only how many it changed."""
    kinds = statement.expected_result_type
    is_query = kinds[0] == duckdb.ExpectedResultType.QUERY_RESULT
    may_answer = duckdb.ExpectedResultType.QUERY_RESULT in kinds
    return is_query or (may_answer and RETURNING.search(statement.query) is not None)


def batches_of(
    connection: duckdb.DuckDBPyConnection,
    statement: duckdb.Statement,
    parameters: Sequence[object],
) -> Iterator[pl.DataFrame]:
    """Run a statement; first comes a frame without rows, which has the columns.

    Args:
        connection: to the snapshot.
        statement: one that DuckDB has parsed.
        parameters: values of its question marks.

    Raises:
        QueryError: it does not run, needs too much memory, or has values of no form.
    """
    with query_errors(), _stopped_by_ctrl_c(connection) as done:
        reader = done(
            lambda: connection.execute(statement, list(parameters)).to_arrow_reader(BATCH_ROWS)
        )
        _refuse_unread_kinds(reader.schema)
        names = _distinct(reader.schema.names)
        # Not empty_table(), which takes half a second to import pandas.
        yield pl.DataFrame(pa.Table.from_batches([], reader.schema).rename_columns(names))
        # A batch without rows is no end, though it is as good as false.
        while (batch := done(lambda: next(reader, None))) is not None:
            _refuse_times_of_no_calendar(batch)
            for rows in _parts(batch.rename_columns(names)):
                yield pl.DataFrame(rows)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Where memory ends Polars ends the process: it gets few rows at a time, and none too large."""
    n_rows = max(batch.num_rows * BATCH_BYTES // max(batch.nbytes, 1), 1)
    for start in range(0, batch.num_rows, n_rows):
        part = batch.slice(start, n_rows)
        if part.nbytes > BATCH_BYTES and len(part) > 1:
            yield from _parts(part)
        elif part.nbytes > BATCH_BYTES:
            raise QueryError(
                f"a row of the answer has {part.nbytes / 2**20:.0f} MiB, where {BATCH_BYTES >> 20} "
                f"are shown at most: ask for parts of its values, such as left(text, 1000)"
            )
        else:
            yield part


def _distinct(names: Sequence[str]) -> list[str]:
    """``a, a`` as ``a, a_1``, in DuckDB's way: no two columns of a frame have the same name."""
    taken: dict[str, None] = {}
    for name in names:
        others = (f"{name}_{number}" for number in count(1))
        taken[next(each for each in chain([name], others) if each not in taken)] = None
    return list(taken)


@contextmanager
def query_errors() -> Iterator[None]:
    """What is wrong with a query, as an error for people."""
    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError):
        raise QueryError(TOO_LITTLE_MEMORY) from None
    except RuntimeError as error:
        if "can't start new thread" not in str(error):  # which has a stack of its own
            raise
        raise QueryError(TOO_LITTLE_MEMORY) from None
    except duckdb.Error as error:
        raise QueryError(str(error)) from None
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        if getattr(error, "errno", None) == ENOMEM or SIGN_OF_NO_MEMORY in str(error):
            raise QueryError(TOO_LITTLE_MEMORY) from None
        raise QueryError(
            f"a column has values of a kind that is not read: {CAST} ({error})"
        ) from None


@contextmanager
def _stopped_by_ctrl_c(
    connection: duckdb.DuckDBPyConnection,
) -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """What does a query and gives its result, or breaks it off.

    DuckDB sees a Ctrl-C only between its tasks, of which a join of everything is one.
    """
    with ThreadPoolExecutor(1) as threads:
        threads.submit(int).result()  # where there is no memory for a thread Python waits for ever

        def done(query: Callable[[], Any]) -> Any:
            with memory_of_duckdb():
                waiting = threads.submit(query)
                while not waiting.done():
                    wait([waiting], POLL_SECONDS)  # a wait without end would not see it either
                return waiting.result()

        try:
            yield done
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
        for times in filter(_are_times, _leaves(column)):
            a_day = A_DAY[getattr(times.type, "unit", "day")]
            number = pa.int32() if pa.types.is_date32(times.type) else pa.int64()
            days = pl.Series(times.view(number)) // a_day
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
