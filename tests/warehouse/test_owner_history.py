"""What is known of an owner at a post's publication: nothing later, nothing of the post itself."""

import math
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.database import open_warehouse
from warehouse.owner_history import read_history_at, read_owner_history
from warehouse.writing import registered

START = datetime(2026, 1, 1, tzinfo=UTC)
MATURITY = timedelta(hours=72)
COUNT_COLUMNS = {
    "like": "likes",
    "comment": "comments",
    "repost": "reposts",
    "share_to_message": "shares_to_message",
    "hide": "hides",
    "expand": "expands",
    "open_photo": "photo_opens",
    "open": "opens",
}
SUMS = (
    "posts_count",
    "views_count",
    *(f"{activity}_{what}" for activity in COUNT_COLUMNS for what in ("count", "exposures")),
)
COLUMNS = ("owner_id", "post_id", *SUMS, "days_since_last_post")


class Post(NamedTuple):
    owner_id: int
    post_id: int
    published_at: datetime | None


Counts = dict[str, int | None]
Snapshots = dict[tuple[int, datetime], Counts]
"""By index of the post and moment of observation."""

STEP = timedelta(hours=12)


def draw_world(chance: random.Random) -> tuple[list[Post], Snapshots, datetime]:
    """Few moments and few owners, so that there are many ties; most snapshots are mature."""
    posts: list[Post] = []
    snapshots: Snapshots = {}
    for number in range(chance.randint(1, 25)):
        published = None if chance.random() < 0.1 else START + chance.randint(0, 16) * STEP
        posts.append(Post(chance.choice([-2, -1]), number, published))
        for steps in chance.sample(range(-2, 8), chance.randint(0, 3)):
            moment = (published or START) + MATURITY + steps * STEP
            snapshots[number, moment] = {
                column: None if chance.random() < 0.2 else chance.randint(0, 60)
                for column in ("views", "reach", *COUNT_COLUMNS.values())
            }
    return posts, snapshots, START + chance.choice([8, 12, 99]) * STEP


def known_of(counts: Counts) -> dict[str, int]:
    """What one snapshot adds to an owner's sums."""
    known = dict.fromkeys(SUMS, 0) | {"posts_count": 1, "views_count": counts["views"] or 0}
    for activity, column in COUNT_COLUMNS.items():
        exposures, taken = counts["views"], counts[column]
        if activity == "hide" and counts["reach"] is not None:
            exposures = counts["reach"]
        if exposures is not None and taken is not None:
            known[f"{activity}_exposures"] = exposures
            known[f"{activity}_count"] = min(taken, exposures)
    return known


def history_of(
    post: Post, posts: list[Post], snapshots: Snapshots, as_of: datetime
) -> tuple[float | None, ...]:
    """The definition, word by word, and slowly."""
    assert post.published_at is not None
    sums = dict.fromkeys(SUMS, 0)
    earlier = []
    for number, other in enumerate(posts):
        if other.owner_id != post.owner_id or other.published_at is None:
            continue
        if (other.published_at, other.post_id) < (post.published_at, post.post_id):
            earlier.append(other.published_at)
        mature = other.published_at + MATURITY
        observed = sorted(moment for owner, moment in snapshots if owner == number)
        usable = [
            moment
            for moment in observed
            # The first counts of a post that was mature when it was first seen count as known then.
            if mature <= moment
            and (mature if moment == observed[0] else moment) <= min(post.published_at, as_of)
        ]
        if usable:
            known = known_of(snapshots[number, max(usable)])
            sums = {name: sums[name] + known[name] for name in SUMS}
    days = (post.published_at - max(earlier)) / timedelta(days=1) if earlier else None
    return (post.owner_id, post.post_id, *sums.values(), days)


def fill(connection: duckdb.DuckDBPyConnection, posts: list[Post], snapshots: Snapshots) -> None:
    connection.execute("DELETE FROM posts")
    connection.execute("DELETE FROM snapshots")
    unused = {"text": "", "text_hash": "", "source": "", "first_seen_at": START}
    insert(
        connection, "posts", [{**post._asdict(), **unused, "updated_at": START} for post in posts]
    )
    insert(
        connection,
        "snapshots",
        [
            {"owner_id": posts[number].owner_id, "post_id": number, "observed_at": moment, **counts}
            for (number, moment), counts in snapshots.items()
        ],
    )


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    connection.register("rows", pl.DataFrame(rows, infer_schema_length=None).to_arrow())
    connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows")
    connection.unregister("rows")


def ask(connection: duckdb.DuckDBPyConnection, statement: str) -> list[tuple[Any, ...]]:
    """Rows of a query of the histories of all owners."""
    owners = connection.execute("SELECT DISTINCT owner_id FROM posts").fetchall()
    history = read_owner_history(connection, [owner for (owner,) in owners])
    with registered(connection, "owner_history", history):
        return connection.execute(statement).fetchall()


def read(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return ask(
        connection, f"SELECT {', '.join(COLUMNS)} FROM owner_history ORDER BY owner_id, post_id"
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    path: Path = tmp_path_factory.mktemp("history") / "warehouse.duckdb"
    with open_warehouse(path) as connection:
        yield connection


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_history_is_what_the_definition_says(shared: duckdb.DuckDBPyConnection, seed: int):
    posts, snapshots, as_of = draw_world(random.Random(seed))
    fill(shared, posts, snapshots)
    shared.execute("SET VARIABLE as_of = ?::TIMESTAMPTZ", [as_of])
    dated = sorted(post for post in posts if post.published_at is not None)
    assert read(shared) == [history_of(post, posts, snapshots, as_of) for post in dated]


def counts(**known: int) -> Counts:
    return dict.fromkeys(("views", "reach", *COUNT_COLUMNS.values())) | known


def columns(connection: duckdb.DuckDBPyConnection, *names: str) -> list[tuple[Any, ...]]:
    return ask(
        connection, f"SELECT post_id, {', '.join(names)} FROM owner_history ORDER BY post_id"
    )


def days(number: float) -> datetime:
    return START + timedelta(days=number)


def test_a_snapshot_counts_from_the_moment_it_is_observed(connection: duckdb.DuckDBPyConnection):
    posts = [
        Post(-1, 0, days(0)),
        Post(-1, 1, days(5) - timedelta(microseconds=1)),
        Post(-1, 2, days(5)),
    ]
    seen = {(0, days(1)): counts(views=60, likes=5), (0, days(5)): counts(views=100, likes=7)}
    fill(connection, posts, seen)
    assert columns(connection, "posts_count", "like_count", "like_exposures") == [
        (0, 0, 0, 0),
        (1, 0, 0, 0),
        (2, 1, 7, 100),
    ]


def test_posts_of_a_first_crawl_have_a_history_from_publication_and_maturity_on(
    connection: duckdb.DuckDBPyConnection,
):
    posts = [
        Post(-1, 0, days(0)),
        Post(-1, 1, days(2.9)),
        Post(-1, 2, days(3)),
        Post(-1, 3, days(9)),
    ]
    # given: the wall is first crawled on day 60, and again on day 61
    crawl = {(n, days(60)): counts(views=100, likes=7) for n in range(4)}
    fill(connection, posts, crawl | {(0, days(61)): counts(views=500, likes=9)})
    found = columns(connection, "posts_count", "like_count", "like_exposures")
    # then: as if the first counts had been read on time, and nothing of the second
    assert found == [(0, 0, 0, 0), (1, 0, 0, 0), (2, 1, 7, 100), (3, 3, 21, 300)]
    connection.execute("SET VARIABLE as_of = ?::TIMESTAMPTZ", [days(5.95)])
    assert columns(connection, "posts_count")[-1] == (3, 2), "as it was known by then"


def test_an_immature_snapshot_never_counts(connection: duckdb.DuckDBPyConnection):
    early = days(3) - timedelta(microseconds=1)
    fill(
        connection,
        [Post(-1, 0, days(0)), Post(-1, 1, days(30))],
        {(0, early): counts(views=100, likes=7)},
    )
    assert columns(connection, "posts_count", "like_count") == [(0, 0, 0), (1, 0, 0)]


def test_a_later_snapshot_corrects_an_earlier_one(connection: duckdb.DuckDBPyConnection):
    posts = [Post(-1, 0, days(0)), Post(-1, 1, days(5)), Post(-1, 2, days(9))]
    fill(
        connection,
        posts,
        {(0, days(4)): counts(views=100, likes=7), (0, days(8)): counts(views=150, likes=6)},
    )
    assert columns(connection, "posts_count", "like_count", "like_exposures") == [
        (0, 0, 0, 0),
        (1, 1, 7, 100),
        (2, 1, 6, 150),
    ]


def test_the_past_of_other_owners_is_not_seen(connection: duckdb.DuckDBPyConnection):
    fill(
        connection,
        [Post(-1, 0, days(0)), Post(-2, 1, days(9))],
        {(0, days(4)): counts(views=100, likes=7)},
    )
    assert columns(connection, "posts_count", "days_since_last_post") == [
        (0, 0, None),
        (1, 0, None),
    ]


def test_likes_without_known_views_say_nothing_of_a_rate(connection: duckdb.DuckDBPyConnection):
    fill(
        connection,
        [Post(-1, 0, days(0)), Post(-1, 1, days(9))],
        {(0, days(4)): counts(likes=7, reach=50, hides=2)},
    )
    assert columns(connection, "like_count", "like_exposures", "hide_count", "hide_exposures")[
        1
    ] == (
        1,
        0,
        0,
        2,
        50,
    )


def test_posts_of_one_second_follow_each_other_by_id(connection: duckdb.DuckDBPyConnection):
    posts = [Post(-1, number, days(1)) for number in range(3)] + [Post(-1, 3, days(1.5))]
    fill(connection, posts, {})
    assert columns(connection, "days_since_last_post") == [
        (0, None),
        (1, 0.0),
        (2, 0.0),
        (3, 0.5),
    ]


def test_the_history_of_one_owner_with_100_000_posts_takes_seconds(
    connection: duckdb.DuckDBPyConnection,
):
    """Comparing each post with each would be ten billion pairs."""
    connection.execute(
        "INSERT INTO posts BY NAME SELECT -1 AS owner_id, i AS post_id, "
        "TIMESTAMPTZ '2020-01-01' + to_minutes(i) AS published_at, '' AS text, '' AS text_hash, "
        "'' AS source, now() AS first_seen_at, now() AS updated_at FROM range(100000) AS t(i)"
    )
    connection.execute(
        "INSERT INTO snapshots BY NAME SELECT owner_id, post_id, "
        "published_at + to_days(n::INTEGER) AS observed_at, 100 AS views, n AS likes "
        "FROM posts CROSS JOIN range(3, 5) AS t(n)"
    )
    started = time.monotonic()
    (row,) = ask(
        connection,
        "SELECT count(*), max(posts_count), sum(like_exposures), max(like_count) "
        "FROM owner_history",
    )
    seconds = time.monotonic() - started
    known = 100_000 - 3 * 24 * 60
    likes = 3 * known + (100_000 - 4 * 24 * 60)
    assert row == (100_000, known, 100 * known * (known + 1) // 2, likes)
    assert seconds < 20


def draw_long_world(chance: random.Random) -> tuple[list[Post], Snapshots]:
    """Some hundred days, so that posts and snapshots enter and leave every window."""
    posts = [
        Post(chance.choice([-2, -1]), number, START + chance.randint(0, 24) * timedelta(days=5))
        for number in range(20)
    ]
    snapshots: Snapshots = {}
    for number, post in enumerate(posts):
        assert post.published_at is not None
        # One too early to count: nobody crawled these posts late.
        for days in (1, *chance.sample(range(3, 60), 3)):
            snapshots[number, post.published_at + timedelta(days=days)] = {
                "views": chance.randint(50, 90),
                **{column: chance.randint(0, 40) for column in ("reach", *COUNT_COLUMNS.values())},
            }
    return posts, snapshots


def windows_of(post: Post, posts: list[Post], snapshots: Snapshots) -> tuple[int, ...]:
    """Posts of the last 7, 30, 90 days; what became known then, as a difference of two days."""
    assert post.published_at is not None
    now = post.published_at

    def known_before(moment: datetime, *, inclusive: bool) -> dict[str, int]:
        sums = dict.fromkeys(SUMS, 0)
        for number, other in enumerate(posts):
            assert other.published_at is not None
            usable = [
                at
                for owner, at in snapshots
                if owner == number
                and other.owner_id == post.owner_id
                and other.published_at + MATURITY <= at
                and (at < moment or (inclusive and at == moment))
            ]
            if usable:
                known = known_of(snapshots[number, max(usable)])
                sums = {name: sums[name] + known[name] for name in SUMS}
        return sums

    def became_known(days: int, name: str) -> int:
        then = known_before(now - timedelta(days=days), inclusive=False)
        return known_before(now, inclusive=True)[name] - then[name]

    counts = [
        sum(
            other.owner_id == post.owner_id
            and other.published_at is not None
            and now - timedelta(days=days) <= other.published_at < now
            for other in posts
        )
        for days in (7, 30, 90)
    ]
    return (
        *counts,
        *(became_known(days, "views_count") for days in (7, 30, 90)),
        became_known(30, "like_count"),
        became_known(30, "hide_exposures"),
    )


@settings(max_examples=15, deadline=None)
@given(st.randoms(use_true_random=False))
def test_windows_are_what_became_known_in_them(
    shared: duckdb.DuckDBPyConnection, chance: random.Random
) -> None:
    posts, snapshots = draw_long_world(chance)
    shared.execute("RESET VARIABLE as_of")
    fill(shared, posts, snapshots)
    found = ask(
        shared,
        "SELECT post_id, posts_7d_count, posts_30d_count, posts_90d_count, views_7d_count, "
        "recent_views_count, views_90d_count, recent_like_count, recent_hide_exposures "
        "FROM owner_history ORDER BY post_id",
    )
    assert found == [(post.post_id, *windows_of(post, posts, snapshots)) for post in posts]


def test_owners_habits_are_means_over_their_earlier_posts(
    shared: duckdb.DuckDBPyConnection,
) -> None:
    posts = [Post(-1, number, START + number * STEP) for number in range(3)]
    fill(shared, posts, {})
    shared.execute("UPDATE posts SET text = 'abc', image_hash = 'x' WHERE post_id = 1")
    habits = ask(
        shared,
        "SELECT round(mean_log_length, 4), mean_has_image FROM owner_history ORDER BY post_id",
    )
    assert habits == [(None, None), (0.0, 0.0), (round(math.log(4) / 2, 4), 0.5)]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_draft_has_the_history_of_the_post_it_becomes(
    shared: duckdb.DuckDBPyConnection, seed: int
) -> None:
    """To the last bit, all drafts asked at once, in any order, and the posts themselves stored."""
    chance = random.Random(seed)
    posts, snapshots = draw_long_world(chance)
    shared.execute("RESET VARIABLE as_of")
    fill(shared, posts, snapshots)
    shared.execute(
        "UPDATE posts SET text = repeat('я', post_id * 7 % 50), "
        "image_hash = if(post_id % 3 = 0, 'x', NULL)"
    )
    owners = sorted({post.owner_id for post in posts})
    expected = read_owner_history(shared, owners)
    dated = shared.execute("SELECT owner_id, post_id, published_at FROM posts").pl()
    alone = dated.filter(~pl.struct("owner_id", "published_at").is_duplicated())
    alone = alone.drop_nulls().sample(fraction=1, shuffle=True, seed=chance.randint(0, 9))
    keys = ["owner_id", "post_id"]
    found = read_history_at(shared, alone).sort(keys)
    assert found.equals(expected.join(alone, on=keys, how="semi").sort(keys))


def test_drafts_say_nothing_of_one_another_and_know_no_later_post(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    fill(connection, [Post(-1, number, START + number * STEP) for number in range(4)], {})
    asked = pl.DataFrame(
        {
            "owner_id": [-1, -1, -1, -9],
            "post_id": [0, 1, 2, 3],
            "published_at": [START + 2 * STEP, START + 2 * STEP, START + 9 * STEP, START],
        },
        schema_overrides={"published_at": pl.Datetime("us", "UTC")},
    )
    found = read_history_at(connection, asked).sort("post_id")
    assert found["posts_7d_count"].to_list() == [2, 2, 4, 0]
    assert found["days_since_last_post"].to_list() == [0.5, 0.5, 3.0, None]
