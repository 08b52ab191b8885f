"""Predictions are appended, never changed; views show the latest and judge the forecasts."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from warehouse.predictions import count_forecasts, most_promising, write_predictions

Add = Callable[..., None]
NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
NEXT_NIGHT = NIGHT + timedelta(days=1)
LATER = NIGHT + timedelta(days=5)


def predictions(*rows: dict[str, Any]) -> pl.DataFrame:
    default = {
        "owner_id": -1,
        "activity": "like",
        "model_version": "m1",
        "scored_at": NIGHT,
        "run_id": "r1",
    }
    return pl.DataFrame([{**default, **row} for row in rows])


def add_model(connection: duckdb.DuckDBPyConnection, model_version: str, status: str) -> None:
    connection.execute(
        "INSERT INTO models VALUES (?, ?, ?, NULL, NULL, 0, '{}')", [model_version, NIGHT, status]
    )


def test_predictions_are_stored_as_they_are(connection: duckdb.DuckDBPyConnection):
    frame = predictions({"post_id": 1, "probability": 0.25})
    assert write_predictions(connection, frame) == 1
    assert connection.execute("FROM predictions").fetchall() == [
        (-1, 1, "like", 0.25, "m1", NIGHT, "r1", "model")
    ]


def test_a_prediction_once_made_never_changes(connection: duckdb.DuckDBPyConnection):
    write_predictions(connection, predictions({"post_id": 1, "probability": 0.25}))
    again = predictions(
        {"post_id": 1, "probability": 0.75, "scored_at": NEXT_NIGHT, "run_id": "r2"},
        {"post_id": 1, "probability": 0.75, "scored_at": NEXT_NIGHT, "activity": "hide"},
        {"post_id": 1, "probability": 0.75, "scored_at": NEXT_NIGHT, "model_version": "m2"},
        {"post_id": 2, "probability": 0.75, "scored_at": NEXT_NIGHT},
        {"post_id": 1, "probability": 0.75, "scored_at": NEXT_NIGHT, "owner_id": -2},
    )
    assert write_predictions(connection, again) == 4
    assert write_predictions(connection, again) == 0
    assert connection.execute(
        "SELECT probability, scored_at, run_id FROM predictions "
        "WHERE owner_id = -1 AND post_id = 1 AND activity = 'like' AND model_version = 'm1'"
    ).fetchall() == [(0.25, NIGHT, "r1")]
    assert connection.execute("SELECT count(*) FROM predictions").fetchall() == [(5,)]


def latest(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT post_id, activity, model_version, probability FROM latest_predictions ORDER BY ALL"
    ).fetchall()


def test_the_latest_prediction_is_the_champions_even_when_it_is_older(
    connection: duckdb.DuckDBPyConnection, add_predictions: Add
):
    add_model(connection, "champion", "champion")
    add_model(connection, "rejected", "rejected")
    add_predictions(
        {"post_id": 1, "model_version": "champion", "probability": 0.25, "scored_at": NIGHT},
        {"post_id": 1, "model_version": "rejected", "probability": 0.75, "scored_at": NEXT_NIGHT},
    )
    assert latest(connection) == [(1, "like", "champion", 0.25)]


def test_where_the_champion_is_silent_the_newest_prediction_stands(
    connection: duckdb.DuckDBPyConnection, add_predictions: Add
):
    add_model(connection, "champion", "champion")
    add_model(connection, "old", "retired")
    add_predictions(
        {"post_id": 1, "model_version": "old", "probability": 0.2, "scored_at": NIGHT},
        {"post_id": 1, "model_version": "gone", "probability": 0.3, "scored_at": NEXT_NIGHT},
        {"post_id": 2, "model_version": "champion", "probability": 0.4, "scored_at": NIGHT},
        {"post_id": 2, "model_version": "old", "probability": 0.5, "scored_at": NEXT_NIGHT},
        {
            "post_id": 2,
            "model_version": "old",
            "probability": 0.6,
            "scored_at": NIGHT,
            "activity": "hide",
        },
    )
    assert latest(connection) == [
        (1, "like", "gone", 0.3),
        (2, "hide", "old", 0.6),
        (2, "like", "champion", 0.4),
    ]


def test_predictions_of_one_moment_are_told_apart_by_the_name_of_the_model(
    connection: duckdb.DuckDBPyConnection, add_predictions: Add
):
    add_predictions(
        {"post_id": 1, "model_version": "m1", "probability": 0.2, "scored_at": NIGHT},
        {"post_id": 1, "model_version": "m2", "probability": 0.3, "scored_at": NIGHT},
    )
    assert latest(connection) == [(1, "like", "m2", 0.3)]


def test_the_wide_table_has_one_row_a_post(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_predictions: Add
):
    published = NIGHT - timedelta(days=1)
    add_posts({"post_id": 1, "published_at": published, "text": "я" * 120}, {"post_id": 2})
    names = (
        "like",
        "comment",
        "repost",
        "share_to_message",
        "hide",
        "expand",
        "open_photo",
        "open",
    )
    add_predictions(
        *(
            {"post_id": 1, "activity": name, "probability": n / 16, "scored_at": NIGHT}
            for n, name in enumerate(names)
        ),
        {"post_id": 2, "activity": "hide", "probability": 0.5, "scored_at": NEXT_NIGHT},
    )
    connection.execute(
        "INSERT INTO owners BY NAME SELECT -1 AS owner_id, 'Cats' AS name, now() AS seen_at"
    )
    wide = connection.execute("FROM predictions_wide ORDER BY post_id").pl()
    named = ["owner_name", "published_at", "text_start"]
    assert wide.columns[2:-2] == [*named, *(f"p_{name}" for name in names)]
    assert wide.rows() == [
        (-1, 1, "Cats", published, "я" * 100, *(n / 16 for n in range(8)), "m1", NIGHT),
        (-1, 2, "Cats", None, "", *[None] * 4, 0.5, *[None] * 3, "m1", NEXT_NIGHT),
    ]


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


def test_the_most_promising_posts_come_best_first(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_predictions: Add
):
    add_posts(*({"post_id": number, "text": f"text {number}"} for number in range(4)))
    add_predictions(
        *(
            {"post_id": number, "probability": p, "scored_at": NIGHT}
            for number, p in enumerate([0.1, 0.4, 0.4, 0.2])
        ),
        {"post_id": 0, "probability": 0.9, "scored_at": NIGHT, "activity": "hide"},
    )
    assert most_promising(connection, "like", 3).rows() == [
        (-1, 1, None, "text 1", 0.4),
        (-1, 2, None, "text 2", 0.4),
        (-1, 3, None, "text 3", 0.2),
    ]
