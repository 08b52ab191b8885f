"""Work lists that leave the warehouse in parts, and results that come back in parts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.writing import add_missing_rows


def in_parts(
    connection: duckdb.DuckDBPyConnection,
    statement: str,
    parameters: Mapping[str, object],
    rows: int,
) -> Iterator[pl.DataFrame]:
    """The result of a query in frames of ``rows`` rows, the last one with what is left.

    Read it to its end before the connection does anything else.
    """
    for batch in connection.execute(statement, parameters).to_arrow_reader(rows):
        yield pl.DataFrame(batch)


@contextmanager
def storing_parts(
    connection: duckdb.DuckDBPyConnection, step: str, parts: Mapping[str, int], now: datetime
) -> Iterator[None]:
    """Store what is written inside, and a row of the ledger for each part, all or nothing.

    A part that comes again adds nothing, since only what is missing is written.

    Args:
        connection: the open warehouse.
        step: which work it was.
        parts: rows of each result, by the name of the part.
        now: the moment of storing.
    """
    ledger = pl.DataFrame(
        {"part": list(parts), "n_rows": list(parts.values())},
        schema={"part": pl.String, "n_rows": pl.Int64},
    ).with_columns(
        pl.lit(step).alias("step"), pl.lit(now).dt.cast_time_unit("us").alias("stored_at")
    )
    with transaction(connection):
        yield
        add_missing_rows(connection, "work_parts", ledger, ("step", "part"))
