"""Labels are the latest mature snapshots; outcomes are their counts and exposures."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from warehouse.database import open_warehouse

Add = Callable[..., None]
PUBLISHED = datetime(2026, 5, 1, tzinfo=UTC)
MATURE = PUBLISHED + timedelta(hours=72)


def labels(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT post_id, observed_at, first_known_at, views FROM labels ORDER BY post_id"
    ).fetchall()


def outcomes(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        'SELECT activity, exposures, "count", rate FROM outcomes ORDER BY activity'
    ).fetchall()


@contextmanager
def reopened(
    connection: duckdb.DuckDBPyConnection, path: Path, **arguments: Any
) -> Iterator[duckdb.DuckDBPyConnection]:
    connection.close()
    with open_warehouse(path, **arguments) as opened:
        yield opened


def test_the_label_is_the_latest_mature_snapshot(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts({"post_id": 1, "published_at": PUBLISHED})
    moments = [MATURE - timedelta(hours=60), MATURE, MATURE + timedelta(days=9)]
    add_snapshots(
        *(
            {"post_id": 1, "observed_at": moment, "views": views}
            for moment, views in zip(moments, (10, 20, 30), strict=True)
        )
    )
    assert labels(connection) == [(1, moments[2], moments[1], 30)]


def test_a_snapshot_is_mature_at_72_hours_and_not_a_microsecond_earlier(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts(*({"post_id": number, "published_at": PUBLISHED} for number in (1, 2)))
    add_snapshots(
        {"post_id": 1, "observed_at": MATURE - timedelta(microseconds=1), "views": 10},
        {"post_id": 2, "observed_at": MATURE, "views": 20},
    )
    assert labels(connection) == [(2, MATURE, MATURE, 20)]


def test_the_maturity_is_a_setting_that_can_change(
    connection: duckdb.DuckDBPyConnection, path: Path, add_posts: Add, add_snapshots: Add
):
    early = PUBLISHED + timedelta(hours=24)
    add_posts({"post_id": 1, "published_at": PUBLISHED})
    add_snapshots({"post_id": 1, "observed_at": early, "views": 10})
    assert labels(connection) == []
    with reopened(connection, path, label_maturity_hours=24) as patient:
        assert labels(patient) == [(1, early, early, 10)]
        with reopened(patient, path, label_maturity_hours=25) as changed:
            assert labels(changed) == []


def test_a_post_without_a_date_is_mature_at_once(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts({"post_id": 1})
    add_snapshots({"post_id": 1, "observed_at": PUBLISHED, "views": 10})
    assert labels(connection) == [(1, PUBLISHED, PUBLISHED, 10)]


def test_as_of_hides_what_was_observed_later(
    connection: duckdb.DuckDBPyConnection, path: Path, add_posts: Add, add_snapshots: Add
):
    add_posts({"post_id": 1, "published_at": PUBLISHED}, {"post_id": 2})
    later = MATURE + timedelta(days=1)
    add_snapshots(
        {"post_id": 1, "observed_at": MATURE, "views": 10},
        {"post_id": 1, "observed_at": later, "views": 20},
        {"post_id": 2, "observed_at": later, "views": 30},
    )
    assert labels(connection) == [(1, later, MATURE, 20), (2, later, later, 30)]
    with reopened(connection, path, as_of=later - timedelta(microseconds=1)) as earlier:
        assert labels(earlier) == [(1, MATURE, MATURE, 10)]
        with reopened(earlier, path, as_of=later) as then:
            assert labels(then) == [(1, later, MATURE, 20), (2, later, later, 30)]


def test_a_snapshot_without_a_post_is_no_label(
    connection: duckdb.DuckDBPyConnection, add_snapshots: Add
):
    add_snapshots({"post_id": 1, "observed_at": PUBLISHED, "views": 10})
    assert labels(connection) == []


def test_every_known_activity_has_an_outcome(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts({"post_id": 1})
    add_snapshots(
        {
            "post_id": 1,
            "observed_at": PUBLISHED,
            "views": 1_000,
            "reach": 500,
            "likes": 10,
            "comments": 20,
            "reposts": 30,
            "shares_to_message": 40,
            "hides": 50,
            "expands": 60,
            "photo_opens": 70,
            "opens": 0,
        }
    )
    assert outcomes(connection) == [
        ("comment", 1_000, 20, 0.02),
        ("expand", 1_000, 60, 0.06),
        ("hide", 500, 50, 0.1),
        ("like", 1_000, 10, 0.01),
        ("open", 1_000, 0, 0.0),
        ("open_photo", 1_000, 70, 0.07),
        ("repost", 1_000, 30, 0.03),
        ("share_to_message", 1_000, 40, 0.04),
    ]


def test_hides_are_of_views_where_there_is_no_reach(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts({"post_id": 1})
    add_snapshots({"post_id": 1, "observed_at": PUBLISHED, "views": 100, "hides": 5})
    assert outcomes(connection) == [("hide", 100, 5, 0.05)]


def test_hides_of_a_reach_are_known_without_views(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts({"post_id": 1})
    add_snapshots({"post_id": 1, "observed_at": PUBLISHED, "reach": 100, "hides": 5, "likes": 3})
    assert outcomes(connection) == [("hide", 100, 5, 0.05)]


def test_an_unknown_count_is_no_outcome_and_never_zero(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts({"post_id": 1})
    add_snapshots({"post_id": 1, "observed_at": PUBLISHED, "views": 100, "likes": 0})
    assert outcomes(connection) == [("like", 100, 0, 0.0)]


@pytest.mark.parametrize("views", [None, 0])
def test_without_views_there_is_no_outcome(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add, views: int | None
):
    add_posts({"post_id": 1})
    add_snapshots({"post_id": 1, "observed_at": PUBLISHED, "views": views, "likes": 3})
    assert outcomes(connection) == []


def test_a_count_above_the_exposures_is_capped(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts({"post_id": 1})
    add_snapshots(
        {
            "post_id": 1,
            "observed_at": PUBLISHED,
            "views": 100,
            "reach": 4,
            "likes": 101,
            "hides": 5,
        }
    )
    assert outcomes(connection) == [("hide", 4, 4, 1.0), ("like", 100, 100, 1.0)]
