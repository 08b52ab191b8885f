"""Bundles, their metrics, and who became champion when and why."""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.errors import WarehouseError
from warehouse.reading import first_row
from warehouse.writing import replace_rows


def write_model(
    connection: duckdb.DuckDBPyConnection,
    *,
    model_version: str,
    created_at: datetime,
    trained_on: tuple[datetime | None, datetime | None],
    n_posts: int,
    manifest: str,
    metrics: pl.DataFrame,
) -> None:
    """Store a bundle as a challenger.

    Args:
        connection: the open warehouse.
        model_version: its name, also its folder's.
        created_at: the moment of the run that trained it.
        trained_on: publication times of the first and the last post learnt from.
        n_posts: labelled posts in all splits.
        manifest: the bundle's manifest, JSON.
        metrics: activity, split, metric, value, low, high.
    """
    model = pl.DataFrame(
        {
            "model_version": [model_version],
            "created_at": [created_at],
            "status": ["challenger"],
            "trained_on_from": pl.Series([trained_on[0]], dtype=pl.Datetime("us", "UTC")),
            "trained_on_to": pl.Series([trained_on[1]], dtype=pl.Datetime("us", "UTC")),
            "n_posts": [n_posts],
            "manifest": [manifest],
        }
    )
    measured = metrics.with_columns(pl.lit(model_version).alias("model_version"))
    with transaction(connection):
        replace_rows(connection, "models", model, ("model_version",))
        connection.execute("DELETE FROM model_metrics WHERE model_version = ?", [model_version])
        replace_rows(
            connection, "model_metrics", measured, ("model_version", "activity", "split", "metric")
        )


def decide(
    connection: duckdb.DuckDBPyConnection,
    model_version: str,
    *,
    promoted: bool,
    reason: str,
    decided_at: datetime,
) -> None:
    """Make a bundle the champion, or turn it down; the reason is kept.

    Raises:
        WarehouseError: there is no such model.
    """
    known = connection.execute("SELECT 1 FROM models WHERE model_version = ?", [model_version])
    if first_row(known) is None:
        raise WarehouseError(f"there is no model {model_version}; `vkflow models list` shows them")
    with transaction(connection):
        if promoted:
            connection.execute("UPDATE models SET status = 'retired' WHERE status = 'champion'")
        connection.execute(
            "UPDATE models SET status = ? WHERE model_version = ?",
            ["champion" if promoted else "rejected", model_version],
        )
        connection.execute(
            "INSERT INTO promotions VALUES (?, ?, ?, ?)",
            [decided_at, model_version, "promoted" if promoted else "rejected", reason],
        )


def champion_version(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> str | None:
    """The bundle in use at ``as_of``: a night rerun for the past uses the model of its time."""
    row = first_row(
        connection.execute(
            "SELECT model_version FROM promotions "
            "WHERE decision = 'promoted' AND decided_at <= ? "
            "ORDER BY decided_at DESC, rowid DESC LIMIT 1",
            [as_of],
        )
    )
    return None if row is None else str(row[0])


def is_decided(connection: duckdb.DuckDBPyConnection, model_version: str) -> bool:
    """Whether the bundle has been promoted or turned down before."""
    row = connection.execute("SELECT 1 FROM promotions WHERE model_version = ?", [model_version])
    return first_row(row) is not None


def list_models(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """All bundles, newest first: model_version, status, created_at, n_posts, reason."""
    return connection.execute(
        "SELECT models.model_version, status, created_at, n_posts, last_decision.reason "
        "FROM models LEFT JOIN ("
        "  SELECT model_version, last(reason ORDER BY decided_at) AS reason "
        "  FROM promotions GROUP BY model_version"
        ") AS last_decision USING (model_version) ORDER BY created_at DESC"
    ).pl()


def read_metrics(connection: duckdb.DuckDBPyConnection, model_version: str) -> pl.DataFrame:
    """The metrics of one bundle: activity, split, metric, value, low, high."""
    return connection.execute(
        "SELECT * EXCLUDE (model_version) FROM model_metrics WHERE model_version = ? "
        "ORDER BY activity, split, metric",
        [model_version],
    ).pl()


def find_by_fingerprint(connection: duckdb.DuckDBPyConnection, fingerprint: str) -> str | None:
    """The bundle that was trained on exactly these data and settings, if there is one."""
    row = first_row(
        connection.execute(
            "SELECT model_version FROM models WHERE manifest->>'fingerprint' = ?", [fingerprint]
        )
    )
    return None if row is None else str(row[0])


def previous_champion(connection: duckdb.DuckDBPyConnection) -> str:
    """The last promoted bundle that is not the champion.

    Raises:
        WarehouseError: there was only one champion so far, or none.
    """
    row = first_row(
        connection.execute(
            "SELECT promotions.model_version FROM promotions JOIN models USING (model_version) "
            "WHERE decision = 'promoted' AND models.status <> 'champion' "
            "ORDER BY decided_at DESC, promotions.rowid DESC LIMIT 1"
        )
    )
    if row is None:
        raise WarehouseError("there is no earlier champion to go back to; see `vkflow models list`")
    return str(row[0])
