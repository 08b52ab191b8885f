"""Counts of different ages are brought to one: pairs of snapshots, factors, and who uses them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from warehouse.features import select_labelled_posts, selected_fingerprint
from warehouse.growth import BEFORE_ALL, read_growth_pairs, write_growth
from warehouse.owner_history import read_owner_history

Add = Callable[..., None]
PUBLISHED = datetime(2026, 5, 1, tzinfo=UTC)
EVER = {"since": BEFORE_ALL, "until": PUBLISHED + timedelta(days=999)}
COUNTS = (
    "views", "likes", "comments", "reposts", "shares_to_message", "hides", "expands",
    "photo_opens", "opens",
)  # fmt: skip


def pairs(connection: duckdb.DuckDBPyConnection, **window: datetime) -> list[tuple[Any, ...]]:
    found = read_growth_pairs(
        connection, **{**EVER, **window}, steps_per_doubling=1, typical_count=100
    )
    return found.rows()


def factors(**by_count: float) -> pl.DataFrame:
    """Of counts read at three days and later; before, and of all other counts, 1."""
    columns = {f"{name}_growth": [1.0, by_count.get(name, 1.0)] for name in COUNTS}
    return pl.DataFrame({"age_hours": [0.0, 72.0], **columns})


def test_pairs_are_each_snapshot_and_the_next_by_steps_of_the_age(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    add_posts({"post_id": 1, "published_at": PUBLISHED})
    add_snapshots(
        *(
            {"post_id": 1, "observed_at": PUBLISHED + timedelta(days=days), "views": views}
            for days, views in ((0.5, 7), (1.5, 100), (3, 150), (10, 200))
        )
    )
    assert pairs(connection) == [
        ("views", 0, 1, pytest.approx(100 / 200), pytest.approx(150 / 200)),
        ("views", 1, 3, pytest.approx(150 / 250), pytest.approx(200 / 250)),
    ]


def test_a_count_that_was_unknown_meanwhile_pairs_with_the_next_known_one(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    add_posts({"post_id": 1, "published_at": PUBLISHED})
    add_snapshots(
        *(
            {"post_id": 1, "observed_at": PUBLISHED + timedelta(days=days), "likes": likes}
            for days, likes in ((1, 100), (3, None), (10, 200))
        )
    )
    assert pairs(connection) == [("likes", 0, 3, pytest.approx(0.5), pytest.approx(1.0))]


def test_posts_without_a_date_and_snapshots_outside_of_the_window_say_nothing(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    add_posts({"post_id": 1, "published_at": PUBLISHED}, {"post_id": 2})
    add_snapshots(
        *(
            {"post_id": post, "observed_at": PUBLISHED + timedelta(days=days), "views": 100}
            for post in (1, 2)
            for days in (1, 3)
        )
    )
    assert len(pairs(connection)) == 1
    assert pairs(connection, until=PUBLISHED + timedelta(days=2)) == []
    assert pairs(connection, since=PUBLISHED + timedelta(days=2)) == []


def test_outcomes_and_histories_are_those_of_the_stated_age(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    mature = PUBLISHED + timedelta(days=3)
    add_posts(
        {"post_id": 1, "published_at": PUBLISHED},
        {"post_id": 2, "published_at": mature + timedelta(days=1)},
    )
    add_snapshots({"post_id": 1, "observed_at": mature, "views": 1_000, "likes": 50, "hides": 4})
    write_growth(connection, factors(views=1.25, likes=1.1, hides=1.5), estimated_at=PUBLISHED)
    outcomes = 'SELECT activity, exposures, "count", rate FROM outcomes ORDER BY activity'
    assert connection.execute(outcomes).fetchall() == [
        ("hide", 1_250, 6, pytest.approx(6 / 1_250)),
        ("like", 1_250, pytest.approx(55), pytest.approx(0.044)),
    ]
    assert connection.execute("SELECT views, likes FROM labels").fetchall() == [(1_000, 50)]
    later = read_owner_history(connection, [-1]).filter(post_id=2)
    assert later.select("views_count", "like_count", "hide_count").row(0) == (
        1_250, pytest.approx(55), 6,
    )  # fmt: skip


def test_counts_without_a_date_are_final(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    add_posts({"post_id": 1})
    add_snapshots({"post_id": 1, "observed_at": PUBLISHED, "views": 1_000, "likes": 50})
    write_growth(connection, factors(views=2.0, likes=2.0), estimated_at=BEFORE_ALL)
    assert connection.execute('SELECT exposures, "count" FROM outcomes').fetchall() == [(1_000, 50)]


def test_a_past_moment_sees_what_was_estimated_by_then(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    nights = [BEFORE_ALL, PUBLISHED, PUBLISHED + timedelta(days=1)]
    for views, night in zip((1.1, 1.2, 1.3), nights, strict=True):
        write_growth(connection, factors(views=views), estimated_at=night)
    found = []
    for moment in (BEFORE_ALL, PUBLISHED - timedelta(seconds=1), *nights[1:]):
        connection.execute("SET VARIABLE as_of = ?::TIMESTAMPTZ", [moment])
        found.append(connection.execute("SELECT max(views_growth) FROM current_growth").fetchone())
    assert found == [(1.1,), (1.1,), (1.2,), (1.3,)]


def test_an_estimate_that_changes_nothing_is_not_stored(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    stored = [
        write_growth(connection, factors(views=views), estimated_at=PUBLISHED + timedelta(days=day))
        for day, views in enumerate((1.1, 1.1, 1.2))
    ]
    assert stored == [True, False, True]
    assert connection.execute("SELECT count(DISTINCT estimated_at) FROM growth").fetchone() == (2,)


def test_advertisements_tell_nothing_of_an_owners_other_posts(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    mature = PUBLISHED + timedelta(days=3)
    add_posts(
        {"post_id": 1, "published_at": PUBLISHED},
        {"post_id": 2, "published_at": PUBLISHED, "is_ad": True},
        {"post_id": 3, "published_at": PUBLISHED, "is_ad": None},
        {"post_id": 4, "published_at": mature + timedelta(days=1)},
    )
    add_snapshots(
        *({"post_id": post, "observed_at": mature, "views": 10**post} for post in (1, 2, 3))
    )
    later = read_owner_history(connection, [-1]).filter(post_id=4)
    assert later.select("posts_count", "views_count").row(0) == (2, 1_010)


def test_another_growth_is_something_new_to_learn_from(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    add_posts({"post_id": 1, "published_at": PUBLISHED})
    observed = PUBLISHED + timedelta(days=3)
    add_snapshots({"post_id": 1, "observed_at": observed, "views": 1_000, "likes": 50})
    prints = []
    for likes in (1.1, 1.1, 1.2):
        write_growth(connection, factors(likes=likes), estimated_at=PUBLISHED)
        select_labelled_posts(connection, PUBLISHED)
        prints.append(selected_fingerprint(connection))
    assert prints[0] == prints[1] != prints[2]
