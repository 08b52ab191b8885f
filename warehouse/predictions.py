"""The predictions: append-only, one row per post, activity and model version."""

import duckdb
import polars as pl

from warehouse.schema import query
from warehouse.writing import add_missing_rows

KEY = ("owner_id", "post_id", "activity", "model_version")


def write_predictions(connection: duckdb.DuckDBPyConnection, predictions: pl.DataFrame) -> int:
    """Append predictions; those that exist are left as they are. Call it inside a transaction.

    Args:
        connection: the open warehouse.
        predictions: owner_id, post_id, activity, probability, model_version, scored_at, run_id,
            predicted_by (model, owner rate, or global rate).

    Returns:
        The number of rows added.
    """
    return add_missing_rows(connection, "predictions", predictions, KEY)


def count_forecasts(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Forecasts whose outcome is known by now: activity, posts, log loss per view."""
    return connection.execute(query("forecast_quality")).pl()


def most_promising(
    connection: duckdb.DuckDBPyConnection, activity: str, limit: int
) -> pl.DataFrame:
    """Posts with the highest latest probability of ``activity``, with the start of their text."""
    return connection.execute(query("most_promising"), {"activity": activity, "limit": limit}).pl()
