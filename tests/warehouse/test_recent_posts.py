"""What a draft is ranked among: the last posts of its owner, by what was forecast of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from warehouse.database import open_warehouse
from warehouse.drafts import read_recent_posts

Add = Callable[..., None]
NOW = datetime(2026, 6, 20, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def filled(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_predictions: Add
) -> duckdb.DuckDBPyConnection:
    """Posts 1 to 5 of two walls, one a day, 5 tomorrow; of post 2 two more models say something."""
    for owner in (-1, -2):
        for number in range(1, 6):
            at = NOW + (number - 4.5) * DAY
            add_posts(
                {"owner_id": owner, "post_id": number, "published_at": at, "first_seen_at": at}
            )
            if number != 3:
                add_predictions(
                    {"owner_id": owner, "post_id": number, "probability": number / 100,
                     "scored_at": at + DAY / 4}
                )  # fmt: skip
    two = {"post_id": 2, "scored_at": NOW - DAY}
    add_predictions(
        {**two, "model_version": "m2", "probability": 0.5},
        {**two, "model_version": "m3", "probability": 0.6, "scored_at": NOW - DAY / 2},
        {**two, "model_version": "m4", "probability": 0.9, "scored_at": NOW + DAY},
    )
    return connection


def recent(
    connection: duckdb.DuckDBPyConnection, model_version: str = "m2", limit: int = 9
) -> list[tuple]:
    found = read_recent_posts(connection, [-1], as_of=NOW, model_version=model_version, limit=limit)
    return found.select("post_id", "activity", "probability").rows()


def test_the_champion_is_asked_first_then_the_last_model_that_said_something_by_then(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    others = [(1, "like", 0.01), (4, "like", 0.04)]
    assert recent(filled) == [others[0], (2, "like", 0.5), others[1]]
    assert recent(filled, "m9") == [others[0], (2, "like", 0.6), others[1]]


def test_the_last_posts_are_taken_none_of_the_future_and_none_of_other_walls(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    assert recent(filled, limit=1) == [(4, "like", 0.04)]
    assert recent(filled, limit=3) == [(2, "like", 0.5), (4, "like", 0.04)]


def test_of_a_post_that_was_never_scored_its_rate_is_taken_as_known_then(
    filled: duckdb.DuckDBPyConnection, add_snapshots: Add, path: Path
) -> None:
    counted = {"post_id": 3, "views": 1_000, "likes": 100}
    filled.execute("UPDATE posts SET published_at = published_at - INTERVAL 60 DAY")
    add_snapshots(
        {**counted, "observed_at": NOW - 30 * DAY},
        {**counted, "observed_at": NOW + DAY, "likes": 900},
    )
    filled.close()
    with open_warehouse(path, as_of=NOW) as connection:
        found = {post_id: rate for post_id, name, rate in recent(connection) if name == "like"}
    assert found[1] == 0.01 and found[3] == pytest.approx(0.1, rel=0.2)
