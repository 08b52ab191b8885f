"""Trials in the warehouse: fixed when they begin, silent until they end, as of a moment."""

from datetime import datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.warehouse.conftest import NIGHT, Add
from warehouse import trials
from warehouse.publishing import publish, read_snapshot

FIGURES = {"effect": 0.5, "low": 0.1, "high": 1.0, "p_value": 0.01, "n_judged": 2}
UNITS = pl.DataFrame(
    {"number": [1, 2], "block": [1, 1], "day": [None, None], "arm": ["with", "without"]},
    schema_overrides={"day": pl.Date, "number": pl.Int32, "block": pl.Int32},
)
POSTS = pl.DataFrame(
    {
        "number": [1, 2], "owner_id": [-1, -1], "post_id": [7, 8], "arm": ["with", "without"],
        "has_it": [True, True],
    }
)  # fmt: skip


def begin(connection: duckdb.DuckDBPyConnection, **changes: Any) -> int:
    row = {
        "owner_id": -1, "lever": "question", "level": "yes", "activity": "like", "unit": "post",
        "n_units": 2, "first_day": None, "time_zone": "Europe/Moscow", "planned_effect": 0.5,
        "power": 0.8, "base_rate": 0.02, "variance": 0.3, "spread": 0.7,
        "started_at": NIGHT, "status": trials.RUNNING, **changes,
    }  # fmt: skip
    return trials.write_trial(connection, row, UNITS)


@pytest.fixture
def with_posts(add_posts: Add, add_snapshots: Add) -> None:
    later = NIGHT + timedelta(days=1)
    add_posts(
        {"post_id": 6, "published_at": NIGHT},
        {"post_id": 7, "published_at": later, "text": "Кто?"},
        {"post_id": 9, "published_at": later, "is_ad": True},
        {"post_id": 8, "published_at": later + timedelta(days=1), "is_ad": None},
        {"post_id": 7, "owner_id": -2, "published_at": later},
    )
    add_snapshots(
        {"post_id": 7, "observed_at": NIGHT + timedelta(days=40), "views": 1000, "likes": 30}
    )


def test_a_trial_comes_back_with_its_schedule(connection: duckdb.DuckDBPyConnection) -> None:
    assert (begin(connection), begin(connection, owner_id=-2)) == (1, 2)
    assert trials.read_units(connection, 1).equals(UNITS)
    rows = trials.read_trials(connection, NIGHT)
    assert rows["trial_id"].to_list() == [2, 1] and rows["n_seen"].to_list() == [0, 0]
    assert trials.read_trials(connection, NIGHT - timedelta(seconds=1)).is_empty()


@pytest.mark.usefixtures("with_posts")
def test_posts_since_the_start_are_seen_in_order_without_adverts(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = trials.read_wall(connection, -1, "like", since=NIGHT, until=NIGHT + timedelta(days=2))
    assert found["post_id"].to_list() == [7, 8]
    assert found["count"].to_list() == [30, None]
    until = NIGHT + timedelta(days=1)
    assert len(trials.read_wall(connection, -1, "like", since=NIGHT, until=until)) == 1


@pytest.mark.usefixtures("with_posts")
def test_history_is_that_of_known_outcomes(connection: duckdb.DuckDBPyConnection) -> None:
    until = NIGHT + timedelta(days=50)
    found = trials.read_history(connection, -1, "like", until=until, limit=5)
    assert found.select("count", "exposures").rows() == [(30, 1000)]
    assert trials.read_history(connection, -1, "comment", until=until, limit=5).is_empty()


@pytest.mark.usefixtures("with_posts")
def test_outcomes_are_hidden_until_the_trial_is_finished(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    begin(connection)
    for _ in range(2):  # twice changes nothing
        trials.write_posts_of_trial(connection, 1, POSTS, n_followed=1)
    shown = "SELECT post_id, is_followed, rate FROM trial_outcomes ORDER BY post_id"
    assert connection.execute(shown).fetchall() == [(7, True, None), (8, False, None)]
    trials.finish_trial(connection, 1, evaluated_at=NIGHT, figures=FIGURES)
    assert connection.execute(shown).fetchall() == [(7, True, 0.03), (8, False, None)]


@pytest.mark.usefixtures("with_posts")
def test_what_has_ended_does_not_change(connection: duckdb.DuckDBPyConnection) -> None:
    begin(connection)
    trials.write_posts_of_trial(connection, 1, POSTS, n_followed=1)
    trials.finish_trial(connection, 1, evaluated_at=NIGHT, figures=FIGURES)
    before = trials.read_trials(connection, NIGHT)
    trials.write_posts_of_trial(connection, 1, POSTS[:1], n_followed=1)
    trials.finish_trial(connection, 1, evaluated_at=NIGHT, figures={**FIGURES, "effect": 9.0})
    trials.stop_trial(connection, 1, NIGHT)
    assert trials.read_trials(connection, NIGHT).equals(before)
    assert len(trials.read_posts_of_trial(connection, 1)) == 2


@pytest.mark.usefixtures("with_posts")
def test_a_moment_sees_trials_as_they_stood_then(connection: duckdb.DuckDBPyConnection) -> None:
    begin(connection)
    begin(connection, owner_id=-2)
    trials.write_posts_of_trial(connection, 1, POSTS, n_followed=1)
    end = NIGHT + timedelta(days=9)
    trials.finish_trial(connection, 1, evaluated_at=end, figures=FIGURES)
    trials.stop_trial(connection, 2, end)

    def seen(moment: datetime) -> list[tuple[Any, ...]]:
        rows = trials.read_trials(connection, moment).sort("trial_id")
        return rows.select("status", "effect", "p_value", "n_seen").rows()

    assert seen(NIGHT + timedelta(days=1)) == [
        ("running", None, None, 1),
        ("running", None, None, 0),
    ]
    assert seen(end) == [("finished", 0.5, 0.01, 2), ("stopped", None, None, 0)]


def test_what_is_drawn_for_posts_to_come_is_not_published(
    connection: duckdb.DuckDBPyConnection, tmp_path: Any
) -> None:
    begin(connection)
    publish(connection, tmp_path / "published.duckdb")
    tables = read_snapshot(tmp_path / "published.duckdb", "SHOW TABLES")["name"].to_list()
    assert {"trials", "trial_posts", "trial_outcomes"} <= set(tables)
    assert "trial_units" not in tables
