"""What a post says, by version: an edit must not become what was there at publication."""

import random
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import permutations
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.fakes.contents import (
    NIGHT,
    SCHEMA,
    earlier,
    first,
    night,
    now,
    post,
    tell,
    write,
)
from warehouse.posts import Written, write_posts


def test_an_edit_leaves_what_was_there_first(connection: duckdb.DuckDBPyConnection) -> None:
    write(connection, night(0), post("win", "a"), post("other", number=2))
    assert write(connection, night(1), post("it is over", "b", True)) == Written(changed=1)
    assert now(connection) == [
        ("it is over", "b", True, night(1)),
        ("other", None, False, None),
    ]
    assert first(connection) == [("win", "a", False), ("other", None, False)]
    assert earlier(connection) == [("win", "a", False, night(0))]


@pytest.mark.parametrize("edit", [("no", "a", False), ("win", None, False), ("win", "a", True)])
def test_text_picture_and_mark_are_each_kept(
    connection: duckdb.DuckDBPyConnection, edit: tuple[Any, ...]
) -> None:
    write(connection, night(0), post("win", "a", False))
    write(connection, night(1), post(*edit))
    assert first(connection) == [("win", "a", False)]
    assert now(connection) == [(*edit, night(1))]


def test_an_edit_back_and_forth_is_kept_step_by_step(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for number, text in enumerate(("a", "b", "a", "c")):
        for _ in range(2):  # again: nothing
            write(connection, night(number), post(text))
    assert earlier(connection) == [
        ("a", None, False, night(0)),
        ("b", None, False, night(1)),
        ("a", None, False, night(2)),
    ]
    assert now(connection) == [("c", None, False, night(3))]
    assert first(connection) == [("a", None, False)]


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_what_was_said_first_is_the_oldest_whatever_comes_first(
    connection: duckdb.DuckDBPyConnection, order: tuple[int, ...]
) -> None:
    said = {1: "win", 2: "it is over", 3: "thanks"}
    for _ in range(2):  # the file is read again: nothing
        for day in order:
            tell(connection, night(9), post(said[day]), night(day))
    assert first(connection) == [("win", None, False)]
    assert now(connection) == [("thanks", None, False, night(3))]
    assert earlier(connection) == [(said[day], None, False, night(day)) for day in (1, 2)]
    assert connection.execute("SELECT first_seen_at FROM posts").fetchall() == [(night(1),)]


@pytest.mark.parametrize("said", ["aab", "aba", "abb"])
@pytest.mark.parametrize("order", list(permutations((0, 1, 2))))
def test_an_edit_that_is_taken_back_is_kept_in_any_order(
    connection: duckdb.DuckDBPyConnection, said: str, order: tuple[int, ...]
) -> None:
    for run in (8, 9):
        for day in order:
            tell(connection, night(run), post(said[day]), night(day))
        assert first(connection) == [(said[0], None, False)]
    assert now(connection)[0][0] == said[-1]
    assert connection.execute("SELECT first_seen_at FROM posts").fetchall() == [(night(0),)]
    found = earlier(connection), now(connection)
    for day in order:
        assert tell(connection, night(10), post(said[day]), night(day)) == Written()
    assert (earlier(connection), now(connection)) == found


@pytest.mark.parametrize("seed", range(8))
def test_any_crawls_in_any_order_tell_the_same_when_they_are_read_again(
    connection: duckdb.DuckDBPyConnection, seed: int
) -> None:
    """What was first is right at once; of edits taken back the last one after a few readings."""
    draw = random.Random(seed)
    said = (post("a"), post("a", "p"), post("b", "p", True))
    crawls = [draw.choice(said) for _ in range(5)]
    days = draw.sample(range(5), 5)
    for run in (8, 9, 10):
        for day in days:
            tell(connection, night(run), crawls[day], night(day))
        assert first(connection) == [crawls[0][4:]]
    assert now(connection)[0][:3] == crawls[-1][4:]
    found = earlier(connection), now(connection)
    for day in days:
        assert tell(connection, night(11), crawls[day], night(day)) == Written()
    assert (earlier(connection), now(connection)) == found


def test_what_was_there_for_longer_than_was_known_is_no_change(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for day in (4, 3, 2):
        assert tell(connection, night(5), post("a"), night(day)).changed == 0
    assert (earlier(connection), now(connection)) == ([], [("a", None, False, None)])
    tell(connection, night(6), post("b"), night(5))
    assert tell(connection, night(6), post("a"), night(1)).changed == 0
    assert earlier(connection) == [("a", None, False, night(1))]


def test_an_edit_that_comes_with_the_old_moment_is_one_of_its_run(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for run, text in enumerate(("win", "it is over", "it is over!", "it is over!"), start=5):
        tell(connection, night(run), post(text), night(1))
    assert earlier(connection) == [
        ("win", None, False, night(1)),
        ("it is over", None, False, night(6)),
    ]
    assert now(connection) == [("it is over!", None, False, night(7))]


def test_of_two_texts_of_one_moment_in_one_run_the_last_was_seen(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for text in ("win", "win!"):
        tell(connection, night(5), post(text), night(1))
    assert (earlier(connection), now(connection)) == ([], [("win!", None, False, None)])


def test_a_run_of_the_past_takes_crawls_after_it_in_their_order(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for _ in range(2):
        for text, day in (("win", 6), ("it is over", 7)):
            tell(connection, night(5), post(text), night(day))
    assert earlier(connection) == [("win", None, False, night(6))]
    assert now(connection) == [("it is over", None, False, night(7))]
    tell(connection, night(5), post("WIN"), night(6))
    tell(connection, night(5), post("WIN"), night(6))
    assert [row[0] for row in earlier(connection)] == ["win", "it is over"]
    assert now(connection)[0][0] == "WIN"


def test_a_run_of_the_past_sees_what_is_there_today(connection: duckdb.DuckDBPyConnection) -> None:
    write(connection, night(5), post("win"))
    write(connection, night(6), post("it is over"))
    assert write(connection, night(1), post("it is over")) == Written()
    write(connection, night(1), post("thanks"))
    assert [row[0] for row in earlier(connection)] == ["win", "it is over"]
    assert now(connection)[0][0] == "thanks"


def test_another_date_or_source_is_no_edit(connection: duckdb.DuckDBPyConnection) -> None:
    write(connection, night(0), post("a"))
    moved = pl.DataFrame([post("a")], schema=SCHEMA, orient="row").with_columns(
        pl.lit(NIGHT).dt.cast_time_unit("us").alias("published_at")
    )
    assert write_posts(connection, moved, source="dataset", seen_at=night(1)).changed == 1
    assert earlier(connection) == [] and now(connection) == [("a", None, False, None)]


def test_what_comes_twice_in_one_run_is_no_edit(connection: duckdb.DuckDBPyConnection) -> None:
    write(connection, night(0), post("draft"))
    write(connection, night(0), post("final"))
    assert first(connection) == [("final", None, False)] and earlier(connection) == []
    write(connection, night(1), post("edited"))
    write(connection, night(1), post("edited again"))
    assert first(connection) == [("final", None, False)]
    assert now(connection) == [("edited again", None, False, night(1))]


def test_an_edit_of_one_run_that_it_takes_back_is_none(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    write(connection, night(0), post("first"), post("other", number=2))
    write(connection, night(1), post("final", "p"))
    before = connection.execute("FROM posts ORDER BY post_id").fetchall(), earlier(connection)
    for run in (2, 3):
        texts = ("draft", "another draft", "final")
        written = [write(connection, night(run), post(text, "p")) for text in texts]
        assert sum(written, Written()) == Written()
        posts = connection.execute("FROM posts ORDER BY post_id").fetchall()
        assert (posts, earlier(connection)) == before


def test_crawls_that_are_all_told_otherwise_are_one_edit(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for run, said in enumerate(("ab", "AB", "AB", "AB"), start=5):
        for day, text in enumerate(said, start=1):
            tell(connection, night(run), post(text), night(day))
    assert [row[0] for row in earlier(connection)] == ["a", "b"]
    assert now(connection) == [("B", None, False, night(6))]


@dataclass(frozen=True)
class Version:
    seen_at: datetime
    text: str
    picture: str | None
    is_ad: bool | None
    awaits: bool


def deliver(
    versions: list[Version], seen_at: datetime, came: tuple[Any, ...], awaited: bool
) -> list[Version]:
    """The same in plain Python: the versions of a post after one more delivery."""
    text, picture, is_ad = came
    if not versions:
        return [Version(seen_at, text, picture, is_ad, awaited)]
    last = versions[-1]
    picture = last.picture if awaited else picture
    is_ad = last.is_ad if is_ad is None else is_ad
    new = Version(seen_at, text, picture, is_ad, awaited and picture is None)
    if (last.text, last.picture, last.is_ad) == (new.text, new.picture, new.is_ad):
        return versions
    has_come = last.awaits and picture is not None
    filled = [
        replace(
            version,
            picture=picture if has_come and version.awaits else version.picture,
            awaits=version.awaits and not has_come,
            is_ad=is_ad if version.is_ad is None else version.is_ad,
        )
        for version in versions
    ]
    same = (
        last.text == text
        and (last.awaits or last.picture == picture)
        and last.is_ad in (None, is_ad)
    )
    if same or last.seen_at == seen_at:
        return [*filled[:-1], replace(new, seen_at=last.seen_at)]
    return [*filled, new]


@pytest.mark.parametrize("seed", range(5))
def test_any_deliveries_in_any_chunks_are_kept_as_plain_python_keeps_them(
    connection: duckdb.DuckDBPyConnection, seed: int
) -> None:
    draw = random.Random(seed)
    expected: dict[int, list[Version]] = {}
    for day in range(8):
        came = {
            number: (draw.choice("ab"), draw.choice([None, "p", "q"]), draw.choice([None, True]))
            for number in range(1, 13)
            if draw.random() < 0.7
        }
        awaited = {number for number in came if draw.random() < 0.3}
        came |= {number: (came[number][0], None, came[number][2]) for number in awaited}
        for number, content in came.items():
            before = expected.get(number, [])
            expected[number] = deliver(before, night(day), content, number in awaited)
        numbers = list(came)
        size = draw.choice([1, 3, 20])
        for start in range(0, len(numbers), size):
            chunk = numbers[start : start + size]
            frame = [post(*came[number], number=number) for number in chunk]
            waiting = tuple(awaited & set(chunk))
            write(connection, night(day), *frame, awaiting=waiting)
            if draw.random() < 0.3:
                write(connection, night(day), *frame, awaiting=waiting)
    versions = [expected[number] for number in sorted(expected)]
    assert first(connection) == [(v[0].text, v[0].picture, v[0].is_ad) for v in versions]
    assert earlier(connection) == [
        (v.text, v.picture, v.is_ad, v.seen_at) for every in versions for v in every[:-1]
    ]
    assert [row[:3] for row in now(connection)] == [
        (v[-1].text, v[-1].picture, v[-1].is_ad) for v in versions
    ]
