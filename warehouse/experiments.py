"""Results of experiments and backtests, and the drift of features and predictions."""

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.writing import replace_rows


def write_experiment(connection: duckdb.DuckDBPyConnection, results: pl.DataFrame) -> int:
    """Store the columns of ``experiments``; the same experiment run again replaces its rows."""
    with transaction(connection):
        return replace_rows(
            connection, "experiments", results, ("experiment_id", "variant", "activity")
        )


def write_backtest(connection: duckdb.DuckDBPyConnection, results: pl.DataFrame) -> int:
    """Store the columns of ``backtests``; the same backtest run again replaces its rows."""
    with transaction(connection):
        return replace_rows(connection, "backtests", results, ("backtest_id", "night", "activity"))


def write_drift(connection: duckdb.DuckDBPyConnection, drift: pl.DataFrame) -> int:
    """Store the columns of ``drift``; a night run again replaces its rows."""
    with transaction(connection):
        return replace_rows(
            connection, "drift", drift, ("model_version", "measured_at", "kind", "name")
        )
