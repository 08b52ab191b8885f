"""Advice to authors: written for a moment as a whole, read as of one."""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.schema import query
from warehouse.writing import registered


def write_insights(
    connection: duckdb.DuckDBPyConnection,
    insights: pl.DataFrame,
    *,
    as_of: datetime,
    model_version: str,
) -> int:
    """Store advice in place of what was stored for the same moment.

    Args:
        connection: the open warehouse.
        insights: columns of the table ``insights`` but for the first two.
        as_of: the moment the advice stands at.
        model_version: the champion of that moment.

    Returns:
        The number of rows written.
    """
    with transaction(connection):
        connection.execute("DELETE FROM insights WHERE as_of = ?", [as_of])
        with registered(connection, "incoming", insights):
            connection.execute(
                "INSERT INTO insights BY NAME "
                "SELECT ?::TIMESTAMPTZ AS as_of, ? AS model_version, * FROM incoming",
                [as_of, model_version],
            )
    return len(insights)


def read_insights(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> pl.DataFrame:
    """The newest advice by then, all columns of ``insights``; no rows if there is none."""
    return connection.execute(query("newest_insights"), {"as_of": as_of}).pl()
