"""Forecasts beside their outcomes: log loss, what counts as a forecast, and calibration."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from warehouse.predictions import count_forecasts

Add = Callable[..., None]
NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
NEXT_NIGHT = NIGHT + timedelta(days=1)
LATER = NIGHT + timedelta(days=5)


def judged(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        'SELECT post_id, activity, probability, rate, exposures, "count", is_forecast, scored_at, '
        "observed_at FROM prediction_outcomes ORDER BY post_id, activity"
    ).fetchall()


def test_a_prediction_stands_beside_its_outcome(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add, add_predictions: Add
):
    add_posts({"post_id": 1}, {"post_id": 2})
    add_snapshots(
        {"post_id": 1, "observed_at": LATER, "views": 200, "reach": 100, "likes": 50, "hides": 10}
    )
    add_predictions(
        {"post_id": 1, "probability": 0.2, "scored_at": NIGHT},
        {"post_id": 1, "probability": 0.3, "scored_at": NIGHT, "activity": "hide"},
        {"post_id": 1, "probability": 0.3, "scored_at": NIGHT, "activity": "open"},
        {"post_id": 2, "probability": 0.3, "scored_at": NIGHT},
    )
    assert judged(connection) == [
        (1, "hide", 0.3, 0.1, 100, 10, True, NIGHT, LATER),
        (1, "like", 0.2, 0.25, 200, 50, True, NIGHT, LATER),
    ]


def test_log_loss_per_view_is_that_of_the_design(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add, add_predictions: Add
):
    add_posts({"post_id": 1}, {"post_id": 2})
    add_snapshots(
        {"post_id": 1, "observed_at": LATER, "views": 200, "likes": 50},
        {"post_id": 2, "observed_at": LATER, "views": 800, "likes": 0},
    )
    add_predictions(
        {"post_id": 1, "probability": 0.2, "scored_at": NIGHT},
        {"post_id": 2, "probability": 0.1, "scored_at": NIGHT},
    )
    rows = connection.execute(
        "SELECT log_loss_per_view FROM prediction_outcomes ORDER BY post_id"
    ).fetchall()
    first = -(50 * math.log(0.2) + 150 * math.log(0.8))
    second = -800 * math.log(0.9)
    assert [loss for (loss,) in rows] == pytest.approx([first / 200, second / 800])
    overall = count_forecasts(connection)
    assert overall.select("activity", "posts").rows() == [("like", 2)]
    assert overall["log_loss_per_view"].to_list() == pytest.approx([(first + second) / 1_000])


@pytest.mark.parametrize(("probability", "likes"), [(0.0, 0), (0.0, 5), (1.0, 100), (1.0, 5)])
def test_a_certain_prediction_is_judged_and_does_not_break_the_view(
    connection: duckdb.DuckDBPyConnection,
    add_posts: Add,
    add_snapshots: Add,
    add_predictions: Add,
    probability: float,
    likes: int,
):
    add_posts({"post_id": 1})
    add_snapshots({"post_id": 1, "observed_at": LATER, "views": 100, "likes": likes})
    add_predictions({"post_id": 1, "probability": probability, "scored_at": NIGHT})
    row = connection.execute("SELECT log_loss_per_view FROM prediction_outcomes").fetchone()
    wrong_share = abs(likes / 100 - probability)
    assert row == (pytest.approx(-wrong_share * math.log(1e-9), abs=1e-8),)


def test_a_forecast_was_written_before_the_outcome_was_first_known(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add, add_predictions: Add
):
    add_posts({"post_id": 1})
    add_snapshots(
        {"post_id": 1, "observed_at": NEXT_NIGHT, "views": 90, "likes": 4},
        {"post_id": 1, "observed_at": LATER, "views": 100, "likes": 5},
    )
    moments = {
        "before": NEXT_NIGHT - timedelta(microseconds=1),
        "same moment": NEXT_NIGHT,
        "after the first label": NEXT_NIGHT + timedelta(hours=1),
        "after all": LATER + timedelta(hours=1),
    }
    add_predictions(
        *(
            {"post_id": 1, "model_version": name, "probability": 0.1, "scored_at": moment}
            for name, moment in moments.items()
        )
    )
    rows = connection.execute("SELECT model_version, is_forecast FROM prediction_outcomes")
    assert dict(rows.fetchall()) == {
        "before": True,
        "same moment": False,
        "after the first label": False,
        "after all": False,
    }
    assert count_forecasts(connection)["posts"].to_list() == [1]


def test_calibration_splits_the_forecasts_into_tenths_that_add_up(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add, add_predictions: Add
):
    posts = range(45)
    add_posts(*({"post_id": number} for number in posts))
    add_snapshots(
        *(
            {"post_id": number, "observed_at": LATER, "views": 100 + number, "likes": number}
            for number in posts
        )
    )
    add_predictions(
        *(
            {"post_id": number, "probability": (number + 1) / 50, "scored_at": NIGHT}
            for number in posts
        ),
        {"post_id": 0, "probability": 0.9, "scored_at": LATER, "model_version": "too late"},
    )
    table = connection.execute("FROM calibration ORDER BY decile").pl()
    assert table["decile"].to_list() == list(range(1, 11))
    assert table["posts"].to_list() == [5] * 5 + [4] * 5
    assert table.select("model_version", "activity").unique().rows() == [("m1", "like")]
    assert table["exposures"].sum() == sum(100 + number for number in posts)
    first_five = [(100 + number, (number + 1) / 50, number) for number in range(5)]
    exposures = sum(n for n, _, _ in first_five)
    assert table.select("exposures", "predicted_rate", "observed_rate").row(0) == (
        exposures,
        pytest.approx(sum(n * p for n, p, _ in first_five) / exposures),
        pytest.approx(sum(k for _, _, k in first_five) / exposures),
    )
    assert (table["observed_rate"] * table["exposures"]).sum() == pytest.approx(sum(posts))
    assert table["predicted_rate"].is_sorted()


def test_calibration_of_counts_that_cannot_be_added_as_whole_numbers(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add, add_predictions: Add
):
    """As a warehouse older than the bound on counts may have them."""
    most = 2**63 - 1
    for number in range(30):
        add_posts({"post_id": number})
        add_snapshots({"post_id": number, "observed_at": LATER, "views": most, "likes": most})
        add_predictions({"post_id": number, "probability": 0.5, "scored_at": NIGHT})
    table = connection.execute("FROM calibration ORDER BY decile").pl()
    assert table["exposures"].to_list() == [pytest.approx(3 * most)] * 10
    assert table["observed_rate"].to_list() == [1.0] * 10
