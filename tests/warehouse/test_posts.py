"""Posts and snapshots: what a source says, stored once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from warehouse.contents import write_posts
from warehouse.posts import count_conflicts, fresh_snapshots, write_snapshots

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
NEXT_NIGHT = NIGHT + timedelta(days=1)
PUBLISHED = datetime(2026, 5, 20, 12, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
POSTS = {
    "owner_id": pl.Int64,
    "post_id": pl.Int64,
    "published_at": TIME,
    "text": pl.String,
    "text_hash": pl.String,
    "image_hash": pl.String,
    "is_ad": pl.Boolean,
}
COUNTS = (
    "views",
    "reach",
    "likes",
    "comments",
    "reposts",
    "shares_to_message",
    "hides",
    "expands",
    "photo_opens",
    "opens",
)
SNAPSHOTS = {
    "owner_id": pl.Int64,
    "post_id": pl.Int64,
    "observed_at": TIME,
    **dict.fromkeys(COUNTS, pl.Int64),
    "reposts_with_messages": pl.Boolean,
}


def posts(*rows: dict[str, Any]) -> pl.DataFrame:
    default = {
        "owner_id": -1,
        "published_at": PUBLISHED,
        "text": "cat",
        "text_hash": "c",
        "image_hash": None,
        "is_ad": False,
    }
    return pl.DataFrame([{**default, **row} for row in rows], schema=POSTS)


def snapshots(*rows: dict[str, Any]) -> pl.DataFrame:
    default = {"owner_id": -1, "observed_at": None} | dict.fromkeys(COUNTS)
    return pl.DataFrame([{**default, **row} for row in rows], schema=SNAPSHOTS)


def stored_posts(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT owner_id, post_id, published_at, text, text_hash, image_hash, is_ad, source, "
        "first_seen_at, updated_at FROM posts ORDER BY owner_id, post_id"
    ).fetchall()


def stored_snapshots(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT owner_id, post_id, observed_at, views, likes FROM snapshots ORDER BY ALL"
    ).fetchall()


def test_new_posts_are_stored_with_the_moment_they_were_seen(
    connection: duckdb.DuckDBPyConnection,
):
    frame = posts({"post_id": 1}, {"post_id": 2, "published_at": None, "is_ad": None})
    assert write_posts(connection, frame, source="vk", seen_at=NIGHT).new == 2
    assert stored_posts(connection) == [
        (-1, 1, PUBLISHED, "cat", "c", None, False, "vk", NIGHT, NIGHT),
        (-1, 2, None, "cat", "c", None, None, "vk", NIGHT, NIGHT),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"text": "dog", "text_hash": "d"},
        {"published_at": PUBLISHED + timedelta(seconds=1)},
        {"image_hash": "i"},
        {"is_ad": True},
    ],
    ids=["text", "date", "picture", "advert"],
)
def test_a_changed_post_is_replaced_and_keeps_when_it_was_first_seen(
    connection: duckdb.DuckDBPyConnection, change: dict[str, Any]
):
    write_posts(connection, posts({"post_id": 1}, {"post_id": 2}), source="vk", seen_at=NIGHT)
    changed = posts({"post_id": 1, **change}, {"post_id": 2}, {"post_id": 3})
    written = write_posts(connection, changed, source="vk", seen_at=NEXT_NIGHT)
    assert (written.new, written.changed) == (1, 1)
    expected = changed.with_columns(
        pl.lit("vk").alias("source"),
        pl.Series("first_seen_at", [NIGHT, NIGHT, NEXT_NIGHT]),
        pl.Series("updated_at", [NEXT_NIGHT, NIGHT, NEXT_NIGHT]),
    )
    assert stored_posts(connection) == expected.rows()


@pytest.mark.parametrize("untold", ["published_at", "is_ad"])
def test_what_is_not_told_again_stays(connection: duckdb.DuckDBPyConnection, untold: str):
    write_posts(connection, posts({"post_id": 1}), source="vk", seen_at=NIGHT)
    before = stored_posts(connection)
    again = posts({"post_id": 1, untold: None})
    assert write_posts(connection, again, source="vk", seen_at=NEXT_NIGHT).changed == 0
    assert stored_posts(connection) == before
    edited = posts({"post_id": 1, "text": "dog", "text_hash": "d", untold: None})
    assert write_posts(connection, edited, source="vk", seen_at=NEXT_NIGHT).changed == 1
    assert [row[:4] for row in stored_posts(connection)] == [(-1, 1, PUBLISHED, "dog")]


def test_the_same_posts_from_another_source_belong_to_it(connection: duckdb.DuckDBPyConnection):
    write_posts(connection, posts({"post_id": 1}), source="vk", seen_at=NIGHT)
    written = write_posts(connection, posts({"post_id": 1}), source="dataset", seen_at=NEXT_NIGHT)
    assert (written.new, written.changed) == (0, 1)
    assert stored_posts(connection) == [
        (-1, 1, PUBLISHED, "cat", "c", None, False, "dataset", NIGHT, NEXT_NIGHT)
    ]


def test_writing_posts_twice_changes_nothing(connection: duckdb.DuckDBPyConnection):
    frame = posts({"post_id": 1}, {"post_id": 2, "published_at": None, "is_ad": None})
    write_posts(connection, frame, source="vk", seen_at=NIGHT)
    before = stored_posts(connection)
    assert write_posts(connection, frame, source="vk", seen_at=NEXT_NIGHT).changed == 0
    assert stored_posts(connection) == before


def test_of_a_post_twice_in_a_batch_the_last_stays(connection: duckdb.DuckDBPyConnection):
    first, last = ({"post_id": 1, "text": text, "text_hash": text} for text in ("first", "last"))
    frame = posts(first, {"post_id": 2}, last)
    assert write_posts(connection, frame, source="vk", seen_at=NIGHT).new == 2
    assert [row[3] for row in stored_posts(connection)] == ["last", "cat"]


def test_owners_number_their_posts_independently(connection: duckdb.DuckDBPyConnection):
    frame = posts({"owner_id": -1, "post_id": 1}, {"owner_id": -2, "post_id": 1})
    assert write_posts(connection, frame, source="vk", seen_at=NIGHT).new == 2


def test_no_posts_are_no_work(connection: duckdb.DuckDBPyConnection):
    assert write_posts(connection, posts(), source="vk", seen_at=NIGHT).new == 0


def test_snapshots_of_different_moments_are_all_kept(connection: duckdb.DuckDBPyConnection):
    frame = snapshots(
        {"post_id": 1, "observed_at": NIGHT, "views": 10, "likes": 1},
        {"post_id": 1, "observed_at": NEXT_NIGHT, "views": 10, "likes": 1},
    )
    assert write_snapshots(connection, frame, seen_at=NEXT_NIGHT) == 2
    assert stored_snapshots(connection) == [(-1, 1, NIGHT, 10, 1), (-1, 1, NEXT_NIGHT, 10, 1)]


def test_of_snapshots_of_one_moment_the_newest_delivered_counts(
    connection: duckdb.DuckDBPyConnection,
):
    first = snapshots({"post_id": 1, "observed_at": NIGHT, "views": 10, "likes": 1})
    again = snapshots(
        {"post_id": 1, "observed_at": NIGHT, "views": 99, "likes": 9},
        {"post_id": 2, "observed_at": NIGHT, "views": 5},
    )
    assert write_snapshots(connection, first, seen_at=NIGHT) == 1
    assert write_snapshots(connection, again, seen_at=NEXT_NIGHT) == 2
    assert stored_snapshots(connection) == [(-1, 1, NIGHT, 99, 9), (-1, 2, NIGHT, 5, None)]
    assert write_snapshots(connection, again, seen_at=NEXT_NIGHT) == 0


def test_of_two_snapshots_of_one_moment_in_a_batch_the_last_stays(
    connection: duckdb.DuckDBPyConnection,
):
    frame = snapshots(
        {"post_id": 1, "observed_at": NIGHT, "views": 10},
        {"post_id": 1, "observed_at": NIGHT, "views": 11},
        {"post_id": 2, "views": 20},
        {"post_id": 2, "views": 21},
    )
    assert write_snapshots(connection, frame, seen_at=NIGHT) == 2
    assert stored_snapshots(connection) == [(-1, 1, NIGHT, 11, None), (-1, 2, NIGHT, 21, None)]


def test_an_undated_snapshot_was_observed_now(connection: duckdb.DuckDBPyConnection):
    assert write_snapshots(connection, snapshots({"post_id": 1, "views": 10}), seen_at=NIGHT) == 1
    assert stored_snapshots(connection) == [(-1, 1, NIGHT, 10, None)]


def test_an_undated_snapshot_is_stored_again_only_when_it_differs_from_the_latest(
    connection: duckdb.DuckDBPyConnection,
):
    nights = [NIGHT + timedelta(days=day) for day in range(4)]
    views = [10, 10, 11, 10]
    added = [
        write_snapshots(connection, snapshots({"post_id": 1, "views": count}), seen_at=night)
        for night, count in zip(nights, views, strict=True)
    ]
    assert added == [1, 0, 1, 1]
    assert stored_snapshots(connection) == [
        (-1, 1, nights[0], 10, None),
        (-1, 1, nights[2], 11, None),
        (-1, 1, nights[3], 10, None),
    ]


@pytest.mark.parametrize("column", COUNTS)
def test_a_count_that_becomes_known_makes_another_snapshot(
    connection: duckdb.DuckDBPyConnection, column: str
):
    unknown = snapshots({"post_id": 1})
    known = snapshots({"post_id": 1, column: 0})
    assert write_snapshots(connection, unknown, seen_at=NIGHT) == 1
    assert write_snapshots(connection, known, seen_at=NEXT_NIGHT) == 1
    row = connection.execute(f"SELECT {column} FROM snapshots ORDER BY observed_at").fetchall()
    assert row == [(None,), (0,)]


FULL = {name: number for number, name in enumerate(COUNTS, start=1)}


@pytest.mark.parametrize("is_one_batch", [False, True], ids=["two deliveries", "one batch"])
@pytest.mark.parametrize("column", COUNTS)
def test_a_count_that_is_known_outlives_a_delivery_of_its_moment_without_it(
    connection: duckdb.DuckDBPyConnection, column: str, is_one_batch: bool
):
    whole = {"post_id": 1, "observed_at": NIGHT, **FULL, "reposts_with_messages": True}
    only = {"post_id": 1, "observed_at": NIGHT, column: 50}
    if is_one_batch:
        write_snapshots(connection, snapshots(whole, only), seen_at=NIGHT)
    else:
        write_snapshots(connection, snapshots(whole), seen_at=NIGHT)
        assert write_snapshots(connection, snapshots(only), seen_at=NEXT_NIGHT) == 1
    assert write_snapshots(connection, snapshots(only), seen_at=NEXT_NIGHT) == 0
    stored = (
        connection.execute("SELECT * EXCLUDE (owner_id) FROM snapshots").pl().row(0, named=True)
    )
    kind = None if column == "reposts" else True  # it is another number of reposts
    assert stored == whole | {column: 50, "reposts_with_messages": kind}


@pytest.mark.parametrize("is_one_batch", [False, True], ids=["two deliveries", "one batch"])
def test_a_delivery_that_adds_a_count_gives_up_none(
    connection: duckdb.DuckDBPyConnection, is_one_batch: bool
):
    first = {"post_id": 1, "observed_at": NIGHT, "views": 100, "likes": 5}
    second = {"post_id": 1, "observed_at": NIGHT, "views": 100, "hides": 1}
    frame = snapshots(first, second) if is_one_batch else snapshots(second)
    if not is_one_batch:
        write_snapshots(connection, snapshots(first), seen_at=NIGHT)
    fresh = fresh_snapshots(connection, frame, seen_at=NIGHT)
    assert fresh.select("views", "likes", "hides").rows() == [(100, 5, 1)]
    assert count_conflicts(frame, fresh) == 0


def test_no_snapshots_are_no_work(connection: duckdb.DuckDBPyConnection):
    assert write_snapshots(connection, snapshots(), seen_at=NIGHT) == 0


def test_post_whose_picture_did_not_come_keeps_the_one_it_has(
    connection: duckdb.DuckDBPyConnection,
):
    known = posts({"post_id": 1, "image_hash": "a"}, {"post_id": 2, "image_hash": "b"})
    write_posts(connection, known, source="vk", seen_at=NIGHT)
    edited = posts(*({"post_id": number, "text": "dog", "text_hash": "d"} for number in (1, 2, 3)))
    edited = edited.with_columns(awaits_picture=pl.col("post_id") != 2)
    write_posts(connection, edited, source="vk", seen_at=NEXT_NIGHT)
    stored = connection.execute("SELECT post_id, text, image_hash FROM posts ORDER BY 1")
    assert stored.fetchall() == [(1, "dog", "a"), (2, "dog", None), (3, "dog", None)]
