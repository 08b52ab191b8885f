"""Predictions are appended, never changed; views show the latest and the best."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from warehouse.predictions import most_promising, write_predictions

Add = Callable[..., None]
NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
NEXT_NIGHT = NIGHT + timedelta(days=1)


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
