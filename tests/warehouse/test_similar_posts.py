"""What drafts are compared with: what posts said first, knowing what was known."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.database import open_warehouse
from warehouse.similar_posts import (
    count_posts,
    read_told_posts,
    read_vectors_of_posts,
    read_vectors_of_published,
)
from warehouse.vectors import Content

Add = Callable[..., None]
NOW = datetime(2026, 6, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def vectors(
    connection: duckdb.DuckDBPyConnection,
    as_of: datetime = NOW,
    content: Content = "text",
    dimensions: int = 2,
) -> dict[tuple[int, int], list[float]]:
    found = read_vectors_of_published(
        connection, content, encoder_id="now", dimensions=dimensions, as_of=as_of
    )
    return {
        (owner_id, post_id): vector
        for piece in found
        for owner_id, post_id, vector in piece.iter_rows()
    }


@pytest.fixture
def filled(connection: duckdb.DuckDBPyConnection, add_posts: Add) -> duckdb.DuckDBPyConnection:
    """Posts 1 to 3 of two walls; 8 has no date, and 9 is of tomorrow."""
    for number, vector in {1: "[4, 0]", 2: "[1, 1]", 3: "[0, 2]", 8: "[3, 1]", 9: "[1, 0]"}.items():
        at = NOW + DAY if number == 9 else NOW - 30 * DAY
        post = {"post_id": number, "text": f"t{number}", "text_hash": f"h{number}"}
        post |= {"published_at": None if number == 8 else at, "first_seen_at": at}
        add_posts(*({**post, "owner_id": owner} for owner in (-1, -2)))
        for encoder_id, values in (("now", vector), ("before", "[9, 9]"), ("longer", "[1, 0, 0]")):
            connection.execute(
                f"INSERT INTO text_embeddings VALUES (?, ?, {values}::FLOAT[], 2, false)",
                [f"h{number}", encoder_id],
            )
    return connection


def test_every_post_that_was_out_by_then_is_compared(filled: duckdb.DuckDBPyConnection) -> None:
    expected = {1: [4, 0], 2: [1, 1], 3: [0, 2], 8: [3, 1]}
    assert vectors(filled) == {(owner, n): v for owner in (-1, -2) for n, v in expected.items()}
    assert set(vectors(filled, NOW + 2 * DAY)) - set(vectors(filled)) == {(-1, 9), (-2, 9)}
    assert count_posts(filled) == 10


def test_vectors_of_another_length_are_not_compared(filled: duckdb.DuckDBPyConnection) -> None:
    assert vectors(filled, dimensions=3) == {}


def test_what_they_got_is_what_was_known_then(
    filled: duckdb.DuckDBPyConnection, add_snapshots: Add, path: Path
) -> None:
    young = {"observed_at": NOW - 30 * DAY, "views": 1, "likes": 0}
    add_snapshots(
        {"post_id": 1, **young},
        {"post_id": 1, "owner_id": -2, **young},
        {"post_id": 1, "observed_at": NOW - DAY, "views": 100, "likes": 10, "hides": 1},
        {"post_id": 1, "observed_at": NOW + DAY, "views": 100, "likes": 90, "hides": 1},
        {"post_id": 1, "owner_id": -2, "observed_at": NOW + DAY, "views": 9, "likes": 9},
    )
    filled.execute("INSERT INTO owners (owner_id, name, seen_at) VALUES (-2, 'Коты', now())")
    filled.close()
    listed = pl.DataFrame(
        {"owner_id": [-1, -2, -1, -1], "post_id": [1, 1, 2, 1], "number": range(4)}
    )
    with open_warehouse(path, as_of=NOW) as connection:
        found = read_told_posts(connection, listed)
        expected = dict(connection.execute("SELECT activity, rate FROM outcomes").fetchall())
    told = {(row["owner_id"], row["post_id"]): row for row in found.iter_rows(named=True)}
    assert len(found) == len(told) == 3
    assert {e["activity"]: e["rate"] for e in told[-1, 1]["rates"]} == expected
    assert 0.05 < expected["like"] < 0.15
    assert told[-2, 1]["rates"] is None and told[-1, 2]["rates"] is None
    assert (told[-2, 1]["owner_name"], told[-1, 1]["owner_name"]) == ("Коты", None)
    assert (told[-1, 2]["text"], told[-1, 2]["published_at"]) == ("t2", NOW - 30 * DAY)


def test_an_edited_post_is_compared_by_what_it_said_first(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    filled.execute(
        "INSERT INTO earlier_contents BY NAME SELECT owner_id, post_id, text, text_hash, "
        "image_hash, is_ad, first_seen_at AS seen_at FROM posts WHERE post_id = 1 AND owner_id = -1"
    )
    filled.execute("UPDATE posts SET text = 'it is over', text_hash = 'h3' WHERE post_id = 1")
    assert vectors(filled)[-1, 1] == [4, 0]
    (text,) = read_told_posts(filled, pl.DataFrame({"owner_id": [-1], "post_id": [1]}))["text"]
    assert text == "t1"


def test_pictures_are_compared_by_the_vectors_of_their_tagger(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    filled.execute("UPDATE posts SET image_hash = 'p' || post_id WHERE post_id <> 2")
    for number, vector in {1: "[0, 1]", 3: "[1, 1]", 9: "[1, 0]"}.items():
        for encoder_id, values in (("now", vector), ("before", "[1, 0]")):
            filled.execute(
                f"INSERT INTO image_embeddings VALUES (?, ?, {values}::FLOAT[])",
                [f"p{number}", encoder_id],
            )
    expected = {1: [0, 1], 3: [1, 1]}
    found = vectors(filled, content="image")
    assert found == {(owner, n): v for owner in (-1, -2) for n, v in expected.items()}
    keys = pl.DataFrame({"owner_id": [-1, -1], "post_id": [1, 2]})
    given = read_vectors_of_posts(filled, keys, "image", "now")
    assert given.rows() == [(0, -1, 1, [0.0, 1.0])]
    told = read_told_posts(filled, keys)
    assert dict(told.select("post_id", "image_hash").iter_rows()) == {1: "p1", 2: None}
