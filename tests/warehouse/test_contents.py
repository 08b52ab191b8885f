"""What a post says, by version: an edit must not become what was there at publication."""

import random
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
from warehouse.contents import Written, keep_moments, write_posts


def test_an_edit_leaves_what_was_there_first(connection: duckdb.DuckDBPyConnection) -> None:
    write(connection, night(0), post("win", "a"), post("other", number=2))
    assert write(connection, night(1), post("it is over", "b", True)).changed == 1
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
        assert tell(connection, night(10), post(said[day]), night(day)).changed == 0
    assert (earlier(connection), now(connection)) == found


@pytest.mark.parametrize("seed", range(8))
def test_any_crawls_in_any_order_tell_the_same_when_they_are_read_again(
    connection: duckdb.DuckDBPyConnection, seed: int
) -> None:
    draw = random.Random(seed)
    said = (post("a"), post("a", "p"), post("b", "p", True))
    crawls = [draw.choice(said) for _ in range(5)]
    days = draw.sample(range(5), 5)
    for day in days:
        tell(connection, night(8), crawls[day], night(day))
    assert first(connection) == [crawls[0][4:]]
    assert now(connection)[0][:3] == crawls[-1][4:]
    found = earlier(connection), now(connection)
    for day in days:
        assert tell(connection, night(11), crawls[day], night(day)).changed == 0
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


def test_what_is_told_of_a_known_moment_is_a_correction_and_no_edit(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    tell(connection, night(5), post("before"), night(0))
    for run, text in enumerate(("win", "WIN", "WIN!", "WIN!"), start=5):
        written = tell(connection, night(run), post(text), night(1))
        assert written.conflicts == (run in (6, 7))
    assert earlier(connection) == [("before", None, False, night(0))]
    assert now(connection) == [("WIN!", None, False, night(1))]


def test_a_correction_of_what_was_first_is_first(connection: duckdb.DuckDBPyConnection) -> None:
    for text, day in (("win", 1), ("it is over", 3), ("WIN", 1)):
        tell(connection, night(5), post(text), night(day))
    assert first(connection) == [("WIN", None, False)]
    tell(connection, night(6), post("it is over"), night(1))
    assert (earlier(connection), now(connection)) == ([], [("it is over", None, False, None)])


def test_of_two_runs_of_one_moment_the_last_counts(connection: duckdb.DuckDBPyConnection) -> None:
    write(connection, night(0), post("win"))
    for _ in range(2):
        for text in ("draft", "final"):
            write(connection, night(1), post(text))
        assert earlier(connection) == [("win", None, False, night(0))]
        assert now(connection) == [("final", None, False, night(1))]


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
    for _ in range(2):
        tell(connection, night(5), post("WIN"), night(6))
        assert [row[0] for row in earlier(connection)] == ["WIN"]
        assert now(connection)[0][0] == "it is over"


def test_a_run_of_the_past_does_not_take_what_it_reads_for_what_was_there_then(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    write(connection, night(5), post("win"))
    write(connection, night(6), post("it is over"))
    write(connection, night(9), post("it is over"))
    for _ in range(2):
        for text in ("thanks", "bye"):
            for day in (1, 8):
                assert write(connection, night(day), post(text)).changed == 0
    assert write(connection, night(1), post("another", number=2)).new == 1
    assert earlier(connection) == [("win", None, False, night(5))]
    assert [row[0] for row in now(connection)] == ["it is over", "another"]


def test_a_run_of_the_past_takes_what_a_source_says_now_for_what_is_there_now(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    for run, read in ((5, 5), (6, 6), (1, 7), (1, 8)):
        frame = pl.DataFrame([post("win" if run == 5 else f"over {run}")], SCHEMA, orient="row")
        write_posts(connection, frame, source="vk", seen_at=night(run), read_at=night(read))
    assert [row[3] for row in earlier(connection)] == [night(5), night(6)]
    assert now(connection) == [("over 1", None, False, night(7))]


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

    def found() -> tuple[list[tuple[Any, ...]], ...]:
        tables = ("posts", "earlier_contents", "sightings")
        return tuple(
            connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables
        )

    before = found()
    for run in (2, 3):
        texts = ("draft", "another draft", "final")
        parts = [write(connection, night(run), post(text, "p")) for text in texts]
        written = sum(parts, Written())
        keep_moments(connection, written.unmoved)
        assert written.changed == 0
        assert found() == before


def test_a_run_after_a_killed_one_counts_what_it_changes_itself(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    write(connection, night(0), post("win"))
    write(connection, night(1), post("draft"))  # and is killed
    written = [write(connection, night(1), post(text)) for text in ("draft", "win")]
    assert [each.changed for each in written] == [0, 1]
    assert sum(written, Written()).changed == 1
    assert (earlier(connection), now(connection)) == ([], [("win", None, False, None)])
