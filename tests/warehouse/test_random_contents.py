"""Random histories of posts, told in any order: the same deliveries leave the same contents."""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.fakes.contents import PUBLISHED, SCHEMA, night
from warehouse.contents import Written, keep_moments, write_posts

TABLES = ("posts", "earlier_contents", "sightings")
POSTS = 8
TICK = timedelta(minutes=1)


@dataclass(frozen=True)
class Told:
    """What is told of a post in one row; ``at``: of which moment, if that is told."""

    at: datetime | None
    text: str
    picture: str | None
    awaits: bool
    is_ad: bool | None
    published_at: datetime | None


Rows = list[tuple[int, Told]]
Runs = list[tuple[datetime, list[Rows]]]
"""By run: its moment, and the rows of each of its files: the number of the post, what is told."""


def draw_told(draw: random.Random, run: datetime, latest: datetime) -> Told:
    moments = [None, None, run, *(night(draw.randint(0, 9)) + TICK * draw.randint(0, 1),) * 4]
    at = draw.choice([moment for moment in moments if moment is None or moment <= latest])
    awaits = draw.random() < 0.2
    return Told(
        at,
        draw.choice("aab"),
        None if awaits else draw.choice([None, "p", "p", "q"]),
        awaits,
        draw.choice([None, None, False, True]),
        draw.choice([PUBLISHED, PUBLISHED, None, PUBLISHED - TICK]),
    )


def draw_runs(draw: random.Random, posts: int) -> Runs:
    """Nights, with runs of the past among them, one told the same again, and one told otherwise."""
    moments = [night(draw.randint(2, 4))]
    for _ in range(4):
        step = draw.choice([0, 1, 1, 2, -1, -2])
        moments.append((max(moments) if step > 0 else moments[-1]) + timedelta(days=step))
    runs: Runs = []
    for number, moment in enumerate(moments):
        latest = max(moments[: number + 1])
        files = [
            [
                (post, draw_told(draw, moment, latest))
                for post in range(posts)
                for _ in range(draw.choice([0, 1, 1, 2]))
            ]
            for _ in range(draw.randint(1, 2))
        ]
        runs.append((moment, files))
        if draw.random() < 0.3:
            runs.append((moment, draw.choice(runs)[1]))
    return runs


def deliver(connection: duckdb.DuckDBPyConnection, runs: Runs, chunk_rows: int) -> None:
    columns = SCHEMA | {"observed_at": pl.Datetime("us", "UTC"), "awaits_picture": pl.Boolean}
    for run, files in runs:
        written = Written()
        for rows in files:
            for start in range(0, len(rows), chunk_rows):
                frame = pl.DataFrame(
                    [
                        (-1, post, told.published_at, told.text, *row(told))
                        for post, told in rows[start : start + chunk_rows]
                    ],
                    schema=columns,
                    orient="row",
                )
                written += write_posts(connection, frame, source="dataset", seen_at=run)
        keep_moments(connection, written.unmoved)


def row(told: Told) -> tuple[Any, ...]:
    """What follows the text: its hash, and the others in the order of the columns."""
    return told.text, told.picture, told.is_ad, told.at, told.awaits


def stored(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in TABLES}


def contents(connection: duckdb.DuckDBPyConnection) -> list[list[tuple[Any, ...]]]:
    """The same, whichever run changed it last: of two that contradict each other each does."""
    tables = ("(SELECT * EXCLUDE (updated_at) FROM posts)", *TABLES[1:])
    return [connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables]


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    for table in ("posts", "earlier_contents", "sightings", "constants"):
        connection.execute(f"DELETE FROM {table}")


Known = dict[tuple[datetime, bool], Told]
"""What is known of a post by moment, and whether that was told or is one of a run."""


def learn(known: Known, run: datetime, latest: datetime, told: Told) -> None:
    """The same in plain Python: what is known of a post after one more row."""
    place = (told.at or run, told.at is not None)
    of_runs = [key for key in known if not key[1] and key[0] < run]
    before = known[max(of_runs)] if of_runs and told.at is None else None
    if told.at is None and known and (run < latest or max(known)[0] > run):
        return
    if earlier := known.get(place, before):
        told = replace(
            told,
            picture=earlier.picture if told.awaits else told.picture,
            awaits=told.awaits and earlier.awaits,
            is_ad=earlier.is_ad if told.is_ad is None else told.is_ad,
            published_at=told.published_at or earlier.published_at,
        )
    if told == before:
        known.pop(place, None)
    else:
        known[place] = told


def shown(known: Known) -> list[tuple[datetime, str, str | None, bool | None]]:
    """The versions of a post: since when, text, picture, mark."""
    moments = sorted(known)
    versions: list[tuple[datetime, str, str | None, bool | None]] = []
    for place, key in enumerate(moments):
        until_then = [known[each] for each in moments[place::-1]]
        since_then = [known[each] for each in moments[place:]]
        marks = [each.is_ad for each in (*until_then, *since_then) if each.is_ad is not None]
        pictures = [each.picture for each in until_then if not each.awaits]
        for one, other in pairwise(since_then):
            if not other.awaits:
                pictures.append(other.picture if one.text == other.text else None)
                break
        content = (known[key].text, next(iter(pictures), None), next(iter(marks), None))
        is_hidden = not key[1] and (key[0], True) in known
        if not is_hidden and (not versions or versions[-1][1:] != content):
            versions.append((key[0], *content))
    return versions


def expected(runs: Runs) -> list[tuple[Any, ...]]:
    posts: dict[int, Known] = {}
    latest = runs[0][0]
    for run, files in runs:
        latest = max(latest, run)
        for post, told in (row for rows in files for row in rows):
            learn(posts.setdefault(post, {}), run, latest, told)
    return [(post, *version) for post in sorted(posts) for version in shown(posts[post])]


def versions(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT post_id, seen_at, text, image_hash, is_ad FROM earlier_contents UNION ALL "
        "SELECT post_id, coalesce(edited_at, first_seen_at), text, image_hash, is_ad FROM posts "
        "ORDER BY ALL"
    ).fetchall()


def check_that_it_settles(
    connection: duckdb.DuckDBPyConnection, seed: int, posts: int, chunk_rows: int
) -> None:
    runs = draw_runs(random.Random(seed), posts)
    deliver(connection, runs, chunk_rows)
    assert versions(connection) == expected(runs)
    found = stored(connection)
    deliver(connection, runs[-1:], 1_000)
    assert stored(connection) == found
    says = contents(connection)
    deliver(connection, runs, 1_000)
    assert contents(connection) == says
    forget(connection)
    deliver(connection, runs, 1_000)
    assert stored(connection) == found


@pytest.mark.parametrize(("chunk_rows", "posts"), [(1, POSTS // 2), (3, POSTS)])
def test_what_is_delivered_again_and_any_chunks_change_nothing(
    connection: duckdb.DuckDBPyConnection, chunk_rows: int, posts: int
) -> None:
    check_that_it_settles(connection, chunk_rows, posts, chunk_rows)


@pytest.mark.slow
def test_a_thousand_histories_settle(connection: duckdb.DuckDBPyConnection) -> None:
    for seed in range(20):
        forget(connection)
        check_that_it_settles(connection, seed, 50, random.Random(seed).choice([5, 17, 60]))


def draw_crawls(draw: random.Random) -> list[tuple[int, Told]]:
    """Rows that tell everything, and of no post two of one moment."""
    told = []
    for post in range(POSTS):
        for day in draw.sample(range(10), draw.randint(1, 5)):
            mark, picture = draw.choice([False, True]), draw.choice([None, "p"])
            text = draw.choice("ab")
            told.append((post, Told(night(day), text, picture, False, mark, PUBLISHED)))
    return told


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_crawls_does_not_matter(
    connection: duckdb.DuckDBPyConnection, seed: int
) -> None:
    draw = random.Random(seed)
    crawls = draw_crawls(draw)
    found = []
    for chunk_rows in (3, 1_000):
        forget(connection)
        deliver(connection, [(night(9), [crawls])], chunk_rows)
        found.append(stored(connection))
        draw.shuffle(crawls)
    assert found[0] == found[1]


@pytest.mark.parametrize("seed", range(2))
def test_what_is_learnt_holds_nothing_that_was_seen_later(
    connection: duckdb.DuckDBPyConnection, seed: int
) -> None:
    """As of a moment the contents are those that only the crawls until then leave."""
    crawls = draw_crawls(random.Random(seed))
    columns = "SELECT post_id, text, image_hash, is_ad"
    for day in (2, 5):
        forget(connection)
        until_then = [(post, told) for post, told in crawls if told.at and told.at <= night(day)]
        deliver(connection, [(night(9), [until_then])], 1_000)
        first = connection.execute(f"{columns} FROM first_contents ORDER BY ALL").fetchall()
        past = [row for row in versions(connection) if row[1] <= night(day)]
        deliver(connection, [(night(9), [crawls])], 1_000)
        numbers = {row[0] for row in first}
        later = connection.execute(f"{columns} FROM first_contents ORDER BY ALL").fetchall()
        assert [row for row in later if row[0] in numbers] == first
        assert [row for row in versions(connection) if row[1] <= night(day)] == past
