"""The same text on several walls, the same picture again: found by hashes, with what each got."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from warehouse.publishing import publish, read_snapshot

Add = Callable[..., None]
NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
SLOWEST_SECONDS = 10.0
"""For 100,000 posts of 450 characters; 2 s were measured on one core."""


def groups(connection: duckdb.DuckDBPyConnection, kind: str) -> list[tuple[list[int], int, int]]:
    """Posts of every group in their order, and how many posts and owners it is said to have."""
    return connection.execute(
        "SELECT list(post_id ORDER BY appearance), any_value(n_posts), any_value(n_owners) "
        "FROM near_duplicates WHERE kind = ? GROUP BY content_hash ORDER BY ALL",
        [kind],
    ).fetchall()


def test_texts_are_the_same_where_their_letters_and_digits_are(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
) -> None:
    texts = {
        1: "Кот дня: 5 фото!",
        2: "кот дня<br>5 ФОТО &#128571; https://vk.com/cats?a=1",
        3: "кот дня: 6 фото!",
        4: "😻😻",
        5: "!!!",
        6: "",
        7: "https://vk.com/a",
        8: "https://vk.com/b",
    }
    add_posts(
        *({"post_id": number, "owner_id": -number, "text": t} for number, t in texts.items()),
        {"post_id": 9, "owner_id": -1, "text": "КОТ ДНЯ 5 фото"},
    )
    assert groups(connection, "text") == [([2, 1, 9], 3, 2)]  # undated: by their keys


def test_a_picture_again_is_found_and_no_picture_is_no_duplicate(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
) -> None:
    day = timedelta(days=1)
    add_posts(
        {"post_id": 1, "image_hash": "cat", "published_at": NIGHT},
        {"post_id": 2, "image_hash": "cat", "published_at": NIGHT - day},
        {"post_id": 3, "image_hash": "dog", "published_at": NIGHT},
        {"post_id": 4, "published_at": NIGHT},
        {"post_id": 5, "published_at": NIGHT},
    )
    assert groups(connection, "picture") == [([2, 1], 2, 1)]
    assert groups(connection, "text") == []


def test_each_post_stands_beside_what_it_got_itself(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
) -> None:
    add_posts(
        *({"post_id": n, "owner_id": -n, "text": "cat", "image_hash": "h"} for n in (1, 2, 3))
    )
    add_snapshots(
        {"post_id": 1, "owner_id": -1, "observed_at": NIGHT, "views": 100, "likes": 25, "hides": 1},
        {"post_id": 2, "owner_id": -2, "observed_at": NIGHT, "views": 50, "reach": 20, "hides": 4},
        {"post_id": 2, "owner_id": -9, "observed_at": NIGHT, "views": 10, "likes": 10},
    )
    rows = connection.execute(
        "SELECT kind, post_id, views, like_rate, comment_rate, hide_rate FROM near_duplicates "
        "ORDER BY ALL"
    ).fetchall()
    assert rows == [
        (kind, *row)
        for kind in ("picture", "text")
        for row in (
            (1, 100, 0.25, None, 0.01),
            (2, None, None, None, 0.2),
            (3, None, None, None, None),
        )
    ]


@pytest.fixture
def a_hundred_thousand(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Path:
    """A snapshot of as many posts, every tenth of them on another wall as well."""
    connection.execute("""
        INSERT INTO posts BY NAME
        SELECT
            -(i % 200) - 1 AS owner_id, i AS post_id, now() - to_minutes(i) AS published_at,
            repeat('Это слова поста, которых довольно много! <br> ', 10) || (i % 90_000) AS text,
            sha256(text) AS text_hash, sha256((i % 80_000)::VARCHAR) AS image_hash,
            'test' AS source, now() AS first_seen_at, now() AS updated_at
        FROM range(100_000) AS numbers(i)
    """)
    connection.execute("""
        INSERT INTO snapshots BY NAME
        SELECT owner_id, post_id, now() + INTERVAL 1 YEAR AS observed_at, 1000 AS views, 10 AS likes
        FROM posts
    """)
    snapshot = tmp_path / "predictions.duckdb"
    publish(connection, snapshot)
    return snapshot


def test_a_hundred_thousand_posts_are_no_matter_of_patience(a_hundred_thousand: Path) -> None:
    started = time.perf_counter()
    found = read_snapshot(
        a_hundred_thousand,
        "SELECT kind, count(*) AS n, count(like_rate) AS n_known FROM near_duplicates "
        "GROUP BY kind ORDER BY kind",
    )
    seconds = time.perf_counter() - started
    assert found.rows() == [("picture", 40_000, 40_000), ("text", 20_000, 20_000)]
    assert seconds < SLOWEST_SECONDS
