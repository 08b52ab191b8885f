"""The nearest posts of drafts: of their own walls and of others, knowing what was known."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.database import open_warehouse
from warehouse.similar_posts import read_similar_posts, read_vectors_of_posts
from warehouse.vectors import Content

Add = Callable[..., None]
NOW = datetime(2026, 6, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def asked(
    connection: duckdb.DuckDBPyConnection,
    *vectors: list[float] | None,
    as_of: datetime = NOW,
    content: Content = "text",
) -> pl.DataFrame:
    given = pl.DataFrame(
        {
            "number": range(len(vectors)),
            "owner_id": [-1] * len(vectors),
            "post_id": [None] * len(vectors),
            "vector": list(vectors),
        },
        schema_overrides={"post_id": pl.Int64, "vector": pl.List(pl.Float32)},
    )
    return read_similar_posts(connection, given, content, encoder_id="now", as_of=as_of, limit=2)


@pytest.fixture
def filled(connection: duckdb.DuckDBPyConnection, add_posts: Add) -> duckdb.DuckDBPyConnection:
    """Posts 1 to 4 turn away from [1, 0], on the own wall and on another; 9 is of tomorrow."""
    directions = {1: "[4, 0]", 2: "[1, 1]", 3: "[0, 2]", 4: "[-1, 0]", 5: "[0, 0]", 9: "[1, 0]"}
    for number, vector in directions.items():
        at = NOW + DAY if number == 9 else NOW - 30 * DAY
        post = {"post_id": number, "text": f"t{number}", "text_hash": f"h{number}"}
        post |= {"published_at": at, "first_seen_at": at}
        add_posts(*({**post, "owner_id": owner} for owner in (-1, -2)))
        for encoder_id, values in (("now", vector), ("before", "[1, 0]"), ("longer", "[1, 0, 0]")):
            connection.execute(
                f"INSERT INTO text_embeddings VALUES (?, ?, {values}::FLOAT[], 2, false)",
                [f"h{number}", encoder_id],
            )
    return connection


def test_as_many_of_the_own_wall_as_of_others_and_none_of_the_future(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    found = asked(filled, [2.0, 0.0])
    assert found.select("owner_id", "post_id", "is_own").rows() == [
        (-2, 1, False),
        (-1, 1, True),
        (-2, 2, False),
        (-1, 2, True),
    ]
    assert found["cosine"].to_list() == pytest.approx([1, 1, 0.5**0.5, 0.5**0.5])
    later = asked(filled, [2.0, 0.0], as_of=NOW + 2 * DAY)
    assert set(later["post_id"]) == {1, 9}


def test_drafts_are_told_apart_and_one_without_a_text_resembles_nothing(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    found = asked(filled, [1.0, 0.0], None, [-1.0, 0.0], [0.0, 0.0])
    posts = found.group_by("number", maintain_order=True).agg("post_id")
    assert posts.rows() == [(0, [1, 1, 2, 2]), (2, [4, 4, 3, 3])]
    assert asked(filled, None).is_empty() and asked(filled, [1.0, 0.0, 0.0]).is_empty()


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
    filled.close()
    with open_warehouse(path, as_of=NOW) as connection:
        found = asked(connection, [1.0, 0.0])
        expected = dict(connection.execute("SELECT activity, rate FROM outcomes").fetchall())
    rates = {
        (row["owner_id"], row["post_id"]): {e["activity"]: e["rate"] for e in row["rates"] or ()}
        for row in found.iter_rows(named=True)
    }
    assert rates[-1, 1] == expected and 0.05 < expected["like"] < 0.15
    assert rates[-2, 1] == {} and rates[-1, 2] == {}


def test_an_edited_post_is_found_by_what_it_said_first(filled: duckdb.DuckDBPyConnection) -> None:
    filled.execute(
        "INSERT INTO earlier_contents BY NAME SELECT owner_id, post_id, text, text_hash, "
        "image_hash, is_ad, first_seen_at AS seen_at FROM posts WHERE post_id = 1 AND owner_id = -1"
    )
    filled.execute("UPDATE posts SET text = 'it is over', text_hash = 'h4' WHERE post_id = 1")
    found = asked(filled, [1.0, 0.0]).filter(post_id=1)
    assert found.select("owner_id", "text").rows() == [(-1, "t1")]


def test_pictures_are_compared_by_the_vectors_of_their_tagger(
    filled: duckdb.DuckDBPyConnection,
) -> None:
    """The nearest picture is of the post with the farthest text."""
    filled.execute("UPDATE posts SET image_hash = 'p' || post_id WHERE post_id <> 2")
    for number, vector in {1: "[0, 1]", 3: "[1, 1]", 4: "[1, 0]", 9: "[1, 0]"}.items():
        for encoder_id, values in (("now", vector), ("before", "[1, 0]")):
            filled.execute(
                f"INSERT INTO image_embeddings VALUES (?, ?, {values}::FLOAT[])",
                [f"p{number}", encoder_id],
            )
    found = asked(filled, [1.0, 0.0], None, content="image")
    assert found.select("number", "owner_id", "post_id", "image_hash").rows() == [
        (0, -2, 4, "p4"),
        (0, -1, 4, "p4"),
        (0, -2, 3, "p3"),
        (0, -1, 3, "p3"),
    ]
    keys = pl.DataFrame({"owner_id": [-1, -1], "post_id": [1, 2]})
    given = read_vectors_of_posts(filled, keys, "image", "now")
    assert given.rows() == [(0, -1, 1, [0.0, 1.0])]


def test_a_post_does_not_resemble_itself(filled: duckdb.DuckDBPyConnection) -> None:
    keys = pl.DataFrame({"owner_id": [-1, -1], "post_id": [1, 99]})
    given = read_vectors_of_posts(filled, keys, "text", "now")
    assert given.rows() == [(0, -1, 1, [4.0, 0.0])]
    found = read_similar_posts(filled, given, "text", encoder_id="now", as_of=NOW, limit=1)
    assert found.select("owner_id", "post_id").rows() == [(-2, 1), (-1, 2)]
