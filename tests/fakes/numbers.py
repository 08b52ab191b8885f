"""The smallest step there is: numbers whose doubles are missing."""

from collections.abc import Iterator

import duckdb
import polars as pl

from tasks.step import warehouse_of
from tasks.working import Work
from tests.fakes.doubling import Doubling
from vkflow.settings import Settings
from warehouse.writing import add_missing_rows

LAST = 20


class Numbers:
    """A table of doubles, kept among the watermarks, and what is missing in it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stores = 0
        self.first, self.last = 0, LAST

    def missing(self) -> Iterator[pl.DataFrame]:
        have = {int(source) for source, _ in self.rows()}
        numbers = [number for number in range(self.first, self.last) if number not in have]
        yield from (pl.DataFrame({"number": numbers[s : s + 4]}) for s in range(0, len(numbers), 4))

    def store(self, connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
        self.stores += 1
        told = rows.select(
            pl.col("number").cast(pl.String).alias("source"),
            pl.coalesce(pl.col("fault"), pl.col("double").cast(pl.String)).alias("value"),
        )
        add_missing_rows(connection, "watermarks", told, ("source",))

    def rows(self) -> list[tuple[str, str]]:
        with warehouse_of(self.settings) as connection:
            return connection.execute("FROM watermarks").fetchall()

    def parts(self) -> list[tuple[str, int]]:
        with warehouse_of(self.settings) as connection:
            return connection.execute("SELECT part, n_rows FROM work_parts").fetchall()

    def work(self, worker: Doubling) -> Work:
        return Work(
            "double numbers", "subject", "doubled", ("number",), self.missing, worker, worker,
            self.store,
        )  # fmt: skip


def expected(fault: str = "26", last: int = LAST) -> list[tuple[str, str]]:
    """What the table holds in the end; ``fault`` is what stands at 13."""
    return sorted(({str(n): str(2 * n) for n in range(last)} | {"13": fault}).items())
