"""What the morning report shows, as it was known at a moment.

The connection must have been opened with ``as_of``, so that its views see nothing later.
"""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.schema import query


def read_nights(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> pl.DataFrame:
    """The last 30 nightly runs, oldest first: night, status, seconds, counts (JSON)."""
    return connection.execute(query("report/nights"), {"as_of": as_of}).pl()


def read_arrivals(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, time_zone: str
) -> pl.DataFrame:
    """Posts published on each of the last 30 days: day, posts."""
    parameters = {"as_of": as_of, "time_zone": time_zone}
    return connection.execute(query("report/arrivals"), parameters).pl()


def read_refused(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> pl.DataFrame:
    """Why rows were put aside in the last day: source, reason, rows."""
    return connection.execute(query("report/refused"), {"as_of": as_of}).pl()


def read_tonight(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, since: datetime, limit: int
) -> pl.DataFrame:
    """Posts with the most promise and the most risk: the columns of ``report/tonight.sql``."""
    parameters = {"as_of": as_of, "since": since, "limit": limit}
    return connection.execute(query("report/tonight"), parameters).pl()


def read_labelled_posts(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, since: datetime, limit: int
) -> pl.DataFrame:
    """Posts with known outcomes, newest first: the columns of ``report/labelled_posts.sql``."""
    parameters = {"as_of": as_of, "since": since, "limit": limit}
    return connection.execute(query("report/labelled_posts"), parameters).pl()


def read_forecasts(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, since: datetime
) -> pl.DataFrame:
    """Forecasts beside outcomes read since then: the columns of ``report/forecasts.sql``."""
    return connection.execute(query("report/forecasts"), {"as_of": as_of, "since": since}).pl()


def read_gain_by_night(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> pl.DataFrame:
    """The last bundles: created_at, model_version, activity, value, low, high."""
    return connection.execute(query("report/gain_by_night"), {"as_of": as_of}).pl()


def read_leaderboard(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> pl.DataFrame:
    """The newest experiment: variant, log_loss, gains with interval, oracle_share, fit_seconds."""
    return connection.execute(query("report/leaderboard"), {"as_of": as_of}).pl()


def read_drift(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> pl.DataFrame:
    """The newest measurement: kind, name, stability_index, measured_at, model_version."""
    return connection.execute(query("report/drift"), {"as_of": as_of}).pl()


def read_post_cards(connection: duckdb.DuckDBPyConnection, keys: pl.DataFrame) -> pl.DataFrame:
    """What a person sees of posts: owner_id, post_id, published_at, text, image_hash, source.

    Args:
        connection: the open warehouse.
        keys: owner_id, post_id.
    """
    connection.register("wanted", keys.select("owner_id", "post_id").unique().to_arrow())
    try:
        return connection.execute(
            "SELECT owner_id, post_id, published_at, left(text, 600) AS text, image_hash, source "
            "FROM posts SEMI JOIN wanted USING (owner_id, post_id)"
        ).pl()
    finally:
        connection.unregister("wanted")
