from datetime import UTC, datetime

import duckdb
import polars as pl

from warehouse.experiments import write_backtest, write_drift, write_experiment

NIGHT = datetime(2026, 11, 2, tzinfo=UTC)


def results(experiment_id: str, losses: dict[str, float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "experiment_id": experiment_id,
            "created_at": NIGHT,
            "variant": list(losses),
            "activity": "all",
            "log_loss": list(losses.values()),
            **dict.fromkeys(("gain_over_global", "gain_over_owner", "low", "high"), 0.1),
            **dict.fromkeys(("fit_seconds", "predict_seconds", "peak_mb"), 1.0),
        }
    )


def test_the_best_variant_leads_the_leaderboard(connection: duckdb.DuckDBPyConnection) -> None:
    write_experiment(connection, results("e1", {"owner rate": 0.2, "product": 0.1}))
    board = connection.execute("SELECT variant, log_loss, oracle_share FROM leaderboard").fetchall()
    assert board == [("product", 0.1, None), ("owner rate", 0.2, None)]


def test_the_same_experiment_run_again_replaces_its_rows(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    write_experiment(connection, results("e1", {"product": 0.3}))
    write_experiment(connection, results("e1", {"product": 0.1}))
    write_experiment(connection, results("e2", {"product": 0.2}))
    stored = connection.execute("SELECT experiment_id, log_loss FROM experiments ORDER BY 1")
    assert stored.fetchall() == [("e1", 0.1), ("e2", 0.2)]


def test_a_night_tested_again_replaces_its_rows(connection: duckdb.DuckDBPyConnection) -> None:
    rows = results("b1", {"product": 0.3}).select(
        pl.col("experiment_id").alias("backtest_id"),
        "created_at",
        pl.lit(NIGHT).alias("night"),
        "activity",
        pl.lit(10).alias("posts"),
        "log_loss",
        "gain_over_global",
        "gain_over_owner",
        "low",
        "high",
    )
    for _ in range(2):
        write_backtest(connection, rows)
    assert connection.execute("SELECT posts FROM backtests").fetchall() == [(10,)]


def test_drift_is_kept_by_model_and_moment(connection: duckdb.DuckDBPyConnection) -> None:
    rows = pl.DataFrame(
        {
            "model_version": "m1",
            "measured_at": NIGHT,
            "kind": ["feature", "prediction"],
            "name": "like",
            "stability_index": [0.1, 0.3],
        }
    )
    for _ in range(2):
        write_drift(connection, rows)
    found = connection.execute("SELECT kind, stability_index FROM drift ORDER BY kind").fetchall()
    assert found == [("feature", 0.1), ("prediction", 0.3)]


def test_variant_that_could_not_be_fitted_comes_last_with_its_reason(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    failed = pl.DataFrame(
        {
            "experiment_id": "e1",
            "created_at": NIGHT,
            "variant": "picture",
            "activity": "all",
            "reason": "there are no pictures",
        }
    )
    write_experiment(connection, failed)
    write_experiment(connection, results("e1", {"product": 0.1}))
    board = connection.execute("SELECT variant, log_loss, reason FROM leaderboard").fetchall()
    assert board == [("product", 0.1, None), ("picture", None, "there are no pictures")]
