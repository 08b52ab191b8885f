"""How counts grow with a post's age: what snapshots say of it, and the factors made of that."""

from datetime import UTC, datetime

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.schema import query
from warehouse.writing import replace_rows

PAIRS_SCHEMA = {
    "name": pl.String,
    "step_before": pl.Int32,
    "step_after": pl.Int32,
    "before": pl.Float64,
    "after": pl.Float64,
}
BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
"""The moment of what is believed before anything was seen."""


def read_growth_pairs(
    connection: duckdb.DuckDBPyConnection,
    *,
    since: datetime,
    until: datetime,
    steps_per_doubling: int,
    typical_count: float,
) -> pl.DataFrame:
    """What counts of posts grew by between two snapshots observed in (since, until].

    Returns:
        The columns of ``PAIRS_SCHEMA``: see ``growth_pairs.sql``.
    """
    parameters = {
        "since": since,
        "until": until,
        "steps_per_doubling": steps_per_doubling,
        "typical_count": typical_count,
    }
    return connection.execute(query("growth_pairs"), parameters).pl()


def write_growth(
    connection: duckdb.DuckDBPyConnection, factors: pl.DataFrame, *, estimated_at: datetime
) -> bool:
    """Store an estimate, unless it is the one that holds at its moment; returns whether it is new.

    Args:
        connection: the open warehouse.
        factors: columns of the table ``growth`` but for the first.
        estimated_at: the moment it was made; it holds from then on.
    """
    held = connection.execute(
        "SELECT * EXCLUDE (estimated_at) FROM growth WHERE estimated_at = "
        "(SELECT max(estimated_at) FROM growth WHERE estimated_at <= ?) ORDER BY age_hours",
        [estimated_at],
    ).pl()
    if held.equals(factors):
        return False
    rows = factors.with_columns(
        pl.lit(estimated_at, pl.Datetime("us", "UTC")).alias("estimated_at")
    )
    with transaction(connection):
        connection.execute("DELETE FROM growth WHERE estimated_at = ?", [estimated_at])
        replace_rows(connection, "growth", rows, ["estimated_at", "age_hours"])
    return True
