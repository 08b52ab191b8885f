"""Pictures and marks that come after their post: what they belong to."""

import duckdb
import polars as pl

from tests.fakes.contents import (
    SCHEMA,
    earlier,
    first,
    night,
    now,
    post,
    tell,
    write,
)
from warehouse.contents import write_posts


def test_a_picture_that_comes_late_was_there_all_the_time(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    write(connection, night(0), post("a"), awaiting=(1,))
    assert write(connection, night(1), post("a"), awaiting=(1,)).changed == 0
    write(connection, night(2), post("b"), awaiting=(1,))
    assert write(connection, night(3), post("b", "p")).changed == 1
    assert earlier(connection) == [("a", "p", False, night(0))]
    assert now(connection) == [("b", "p", False, night(2))]
    write(connection, night(4), post("b", "q"))
    assert first(connection) == [("a", "p", False)]
    assert now(connection) == [("b", "q", False, night(4))]


def test_a_picture_of_an_edit_is_not_that_of_an_older_crawl(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    def crawl(text: str, picture: str | None, day: int) -> None:
        frame = pl.DataFrame([post(text, picture)], schema=SCHEMA, orient="row")
        frame = frame.with_columns(
            observed_at=pl.lit(night(day)), awaits_picture=pl.lit(picture is None)
        )
        write_posts(connection, frame, source="dataset", seen_at=night(9))

    crawl("it is over", "blue", 2)
    crawl("win", None, 1)  # pictures are switched off by now
    assert first(connection) == [("win", None, False)]
    crawl("win", "red", 1)
    assert first(connection) == [("win", "red", False)]
    assert now(connection) == [("it is over", "blue", False, night(2))]


def test_a_picture_that_is_added_by_an_edit_was_not_there(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    write(connection, night(0), post("a"))
    write(connection, night(1), post("a"), awaiting=(1,))  # added, and does not come yet
    write(connection, night(2), post("a", "p"))
    assert first(connection) == [("a", None, False)]
    assert now(connection) == [("a", "p", False, night(2))]


def test_a_mark_that_is_told_later_was_there_all_the_time(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    write(connection, night(0), post("a", is_ad=None))
    write(connection, night(1), post("b", is_ad=None))
    write(connection, night(2), post("b", is_ad=True))
    assert first(connection) == [("a", None, True)]
    assert now(connection) == [("b", None, True, night(1))]


def test_a_mark_that_is_not_told_again_stays(connection: duckdb.DuckDBPyConnection) -> None:
    write(connection, night(0), post("a", is_ad=True))
    assert write(connection, night(1), post("a", is_ad=None)).changed == 0
    write(connection, night(2), post("b", is_ad=None))
    assert tell(connection, night(3), post("a", is_ad=None), night(-1)).changed == 0
    assert earlier(connection) == [("a", None, True, night(-1))]
    assert now(connection) == [("b", None, True, night(2))]
