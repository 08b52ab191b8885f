"""What features are made of: selected posts, in chunks, with everything known of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import call, patch

import duckdb
import polars as pl
import pytest

from warehouse.database import open_warehouse
from warehouse.features import (
    count_repost_kinds,
    read_selected_outcomes,
    select_labelled_posts,
    select_published_between,
    select_unscored_posts,
    selected_features,
    selected_fingerprint,
)
from warehouse.owners import write_owners
from warehouse.schema import query

Add = Callable[..., None]
NIGHT = datetime(2026, 6, 1, tzinfo=UTC)


def days_ago(days: float) -> datetime:
    return NIGHT - timedelta(days=days)


def selected(connection: duckdb.DuckDBPyConnection) -> list[int]:
    rows = connection.execute("SELECT post_id FROM selected_posts ORDER BY position").fetchall()
    return [post_id for (post_id,) in rows]


def read(connection: duckdb.DuckDBPyConnection, chunk_posts: int = 100) -> list[pl.DataFrame]:
    return list(
        selected_features(
            connection,
            encoder_id="e",
            tagger_id="clip",
            taxonomy="t",
            statistics_version=2,
            chunk_posts=chunk_posts,
        )
    )


def test_posts_with_a_label_in_the_window_are_selected_oldest_first(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    published = {1: 5, 2: 9, 3: 40, 4: 8, 5: 10}
    add_posts(
        *({"post_id": post, "published_at": days_ago(days)} for post, days in published.items()),
        {"post_id": 6},
        {"post_id": 7},
    )
    add_snapshots(
        *({"post_id": post, "observed_at": days_ago(0), "views": 9} for post in (1, 2, 3, 6)),
        {"post_id": 4, "observed_at": days_ago(7), "views": 9},
    )
    assert select_labelled_posts(connection, days_ago(30)) == 3
    assert selected(connection) == [6, 2, 1]


def test_of_more_posts_than_wanted_a_sample_is_selected_evenly_over_time(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    days = {post: post % 10 for post in range(1_000)}
    add_posts(*({"post_id": p, "published_at": days_ago(day + 4)} for p, day in days.items()))
    add_snapshots(*({"post_id": p, "observed_at": days_ago(0), "views": 9} for p in days))
    samples = []
    for most in (100, 300, 1_000, None):
        assert select_labelled_posts(connection, days_ago(30), most) == (most or 1_000)
        samples.append(selected(connection))
    assert set(samples[0]) < set(samples[1]) < set(samples[2]) == set(samples[3])
    by_day = [sum(days[post] == day for post in samples[1]) for day in range(10)]
    assert min(by_day) > 15 and max(by_day) < 45
    assert [days[post] for post in samples[1]] == sorted(
        (days[p] for p in samples[1]), reverse=True
    )


def test_posts_of_the_window_the_model_has_not_scored_are_selected(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_predictions: Add
):
    published = {1: 5, 2: 9, 3: 40, 4: -1, 5: 30, 6: 0}
    add_posts(
        *({"post_id": post, "published_at": days_ago(days)} for post, days in published.items()),
        {"post_id": 7},
    )
    add_predictions(
        {"post_id": 1, "probability": 0.5, "scored_at": NIGHT},
        {"post_id": 2, "probability": 0.5, "scored_at": NIGHT, "model_version": "other"},
    )
    assert select_unscored_posts(connection, "m1", days_ago(30), NIGHT) == 4
    assert selected(connection) == [7, 5, 2, 6]


def test_posts_with_an_outcome_keep_the_scores_of_an_earlier_bundle_where_that_is_set(
    connection: duckdb.DuckDBPyConnection,
    add_posts: Add,
    add_snapshots: Add,
    add_predictions: Add,
):
    add_posts(*({"post_id": post, "published_at": days_ago(9)} for post in (1, 2, 3, 4)))
    add_snapshots(
        *({"post_id": post, "observed_at": days_ago(0), "views": 9} for post in (1, 2, 3))
    )
    scored = {"probability": 0.5, "scored_at": NIGHT, "model_version": "before"}
    add_predictions(
        {"post_id": 1, **scored},
        {"post_id": 2, **scored, "predicted_by": "owner rate"},
        {"post_id": 4, **scored},
    )
    for rescore_known, posts in ((True, [1, 2, 3, 4]), (False, [2, 3, 4])):
        select_unscored_posts(connection, "new", days_ago(30), NIGHT, rescore_known=rescore_known)
        assert selected(connection) == posts


def test_nothing_selected_gives_no_chunk(connection: duckdb.DuckDBPyConnection):
    assert select_labelled_posts(connection, days_ago(30)) == 0
    assert read(connection) == []
    assert selected_fingerprint(connection) == "0"


@pytest.mark.parametrize("chunk_posts", [1, 2, 4])
def test_of_many_posts_several_chunks_are_read_at_once(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, chunk_posts: int
):
    add_posts(*({"post_id": n, "published_at": days_ago(48 - n)} for n in range(1, 48)))
    select_published_between(connection, days_ago(60), days_ago(0))
    with patch("warehouse.features.query", wraps=query) as asked:
        chunks = read(connection, chunk_posts)
    assert {len(chunk) for chunk in chunks[:-1]} == {chunk_posts}
    assert pl.concat(chunks)["post_id"].to_list() == list(range(1, 48))
    assert asked.mock_calls.count(call("selected_features")) == 12  # of four posts each


@pytest.mark.parametrize(("chunk_posts", "sizes"), [(1, [1] * 5), (2, [2, 2, 1]), (5, [5])])
def test_chunks_hold_every_post_once_in_order(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, chunk_posts: int, sizes: list[int]
):
    add_posts(*({"post_id": post, "published_at": days_ago(post)} for post in range(1, 6)))
    select_unscored_posts(connection, "m1", days_ago(30), NIGHT)
    chunks = read(connection, chunk_posts)
    assert [len(chunk) for chunk in chunks] == sizes
    assert pl.concat(chunks)["post_id"].to_list() == [5, 4, 3, 2, 1]


def test_a_post_comes_with_what_these_models_said_and_with_nothing_of_others(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts(
        {"post_id": 1, "published_at": days_ago(20)},
        {
            "post_id": 2,
            "published_at": days_ago(10),
            "text_hash": "cat",
            "image_hash": "i",
            "is_ad": True,
        },
    )
    add_snapshots(
        {"post_id": 1, "observed_at": days_ago(15), "views": 100, "likes": 7},
        {"post_id": 2, "observed_at": days_ago(1), "views": 900, "likes": 9},
    )
    for version in (1, 2):
        connection.execute(
            "INSERT INTO text_statistics "
            "VALUES ('cat', ?, 3, 1, 1, 0, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1)",
            [version],
        )
    for encoder in ("e", "other"):
        connection.execute(
            "INSERT INTO text_embeddings VALUES ('cat', ?, [1, 2], 5, false)", [encoder]
        )
    for encoder in ("clip", "other"):
        connection.execute("INSERT INTO image_embeddings VALUES ('i', ?, [3])", [encoder])
        for taxonomy in ("t", "u"):
            connection.execute(
                "INSERT INTO image_scores VALUES ('i', ?, ?, [0.75, 0.25])", [encoder, taxonomy]
            )
            connection.execute(
                "INSERT INTO image_tags VALUES ('i', $1, $2, 'cats', 0.75, 1), "
                "('i', $1, $2, 'dogs', 0.25, 2)",
                [encoder, taxonomy],
            )
    for similarity, encoder in ((0.5, "clip"), (0.9, "other")):
        connection.execute(
            "INSERT INTO text_image_similarities VALUES ('cat', 'i', ?, ?)", [encoder, similarity]
        )
    select_unscored_posts(connection, "m1", days_ago(12), NIGHT)
    (chunk,) = read(connection)
    row = chunk.row(0, named=True)
    assert len(chunk) == 1
    assert {name: value for name, value in row.items() if not name.startswith("history_")} == {
        "owner_id": -1,
        "post_id": 2,
        "published_at": days_ago(10),
        "text_hash": "cat",
        "has_image": True,
        "is_ad": True,
        "characters": 3,
        "words": 1,
        "unique_words": 1,
        "capital_words": 0,
        "capital_letter_share": 0.5,
        "stop_words": 0,
        "numbers": 0,
        "emoji": 0,
        "urls": 0,
        "hashtags": 0,
        "mentions": 0,
        "question_marks": 0,
        "exclamation_marks": 0,
        "line_breaks": 0,
        "first_line_break": -1,
        "text_embedding": [1.0, 2.0],
        "n_tokens": 5,
        "text": "",
        "text_length": 0,
        "image_embedding": [3.0],
        "image_scores": [0.75, 0.25],
        "image_category": "cats",
        "text_image_similarity": 0.5,
        "owner_members": None,
    }
    history = {
        name: value
        for name, value in row.items()
        if name.startswith("history_") and "_recent_" not in name and value
    }
    assert history == {
        "history_posts_count": 1,
        "history_views_count": 100,
        "history_like_count": 7,
        "history_like_exposures": 100,
        "history_views_7d_count": 100,
        "history_views_90d_count": 100,
        "history_posts_30d_count": 1,
        "history_posts_90d_count": 1,
        "history_days_since_last_post": 10.0,
    }


def test_a_post_without_anything_has_unknowns_and_no_tokens(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    add_posts({"post_id": 1})
    select_unscored_posts(connection, "m1", days_ago(30), NIGHT)
    (chunk,) = read(connection)
    known = {name: value for name, value in chunk.row(0, named=True).items() if value is not None}
    assert known == {
        "owner_id": -1,
        "post_id": 1,
        "text_hash": "empty",
        "has_image": False,
        "is_ad": False,
        "n_tokens": 0,
        "text": "",
        "text_length": 0,
    }


def test_outcomes_of_the_selected_posts_only_are_read(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts(
        {"post_id": 1, "published_at": days_ago(10)}, {"post_id": 2, "published_at": days_ago(50)}
    )
    add_snapshots(
        *(
            {"post_id": post, "observed_at": NIGHT, "views": 10, "likes": 1, "opens": 2}
            for post in (1, 2)
        )
    )
    select_labelled_posts(connection, days_ago(30))
    assert sorted(read_selected_outcomes(connection).rows()) == [
        (-1, 1, "like", 10, 1),
        (-1, 1, "open", 10, 2),
    ]


def test_the_fingerprint_changes_with_the_data_and_only_then(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    def fingerprint() -> str:
        select_labelled_posts(connection, days_ago(30))
        return selected_fingerprint(connection)

    add_posts(
        {"post_id": 1, "published_at": days_ago(10)}, {"post_id": 2, "published_at": days_ago(9)}
    )
    add_snapshots(
        *({"post_id": post, "observed_at": days_ago(5), "views": 9, "likes": 1} for post in (1, 2))
    )
    seen = [fingerprint()]
    assert fingerprint() == seen[0]
    connection.execute("CREATE OR REPLACE TABLE posts AS FROM posts ORDER BY post_id DESC")
    assert fingerprint() == seen[0]
    for change in (
        "UPDATE posts SET text_hash = 'new' WHERE post_id = 1",
        "UPDATE posts SET image_hash = 'new' WHERE post_id = 1",
        "UPDATE posts SET is_ad = true WHERE post_id = 1",
        "UPDATE snapshots SET likes = 2 WHERE post_id = 2",
        "UPDATE snapshots SET opens = 0 WHERE post_id = 2",
        "UPDATE snapshots SET observed_at = observed_at + INTERVAL 1 HOUR WHERE post_id = 2",
        "DELETE FROM posts WHERE post_id = 2",
    ):
        connection.execute(change)
        seen.append(fingerprint())
    assert len(set(seen)) == len(seen)


def test_the_fingerprint_changes_with_the_members_that_posts_come_with_and_only_then(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    def fingerprint() -> str:
        select_labelled_posts(connection, days_ago(30))
        return selected_fingerprint(connection)

    def count(age: int, members: int, owner_id: int = -1) -> None:
        write_owners(
            connection,
            owners(members).with_columns(owner_id=pl.lit(owner_id)),
            seen_at=days_ago(age),
        )

    add_posts({"post_id": 1, "published_at": days_ago(20)})
    add_posts({"post_id": 2, "published_at": days_ago(10)})
    add_snapshots(
        *({"post_id": post, "observed_at": days_ago(5), "views": 9, "likes": 1} for post in (1, 2))
    )
    seen = [fingerprint()]
    count(15, 100)  # the first holds for posts before
    seen.append(fingerprint())
    count(12, 110)
    seen.append(fingerprint())
    count(3, 120)  # after the last post
    count(12, 110, owner_id=-2)  # whose posts are not selected
    seen.append(fingerprint())
    assert seen[2] == seen[3] and len(set(seen)) == 3
    connection.execute("UPDATE owner_members SET members = 99 WHERE members = 100")
    assert fingerprint() not in seen
    connection.execute(
        "CREATE OR REPLACE TABLE owner_members AS FROM owner_members ORDER BY ALL DESC"
    )
    connection.execute("UPDATE owner_members SET members = 100 WHERE members = 99")
    assert fingerprint() == seen[3]


def test_members_counted_after_the_last_post_are_in_the_fingerprint_if_they_are_the_first(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    add_posts({"post_id": 1, "published_at": days_ago(10)})
    add_snapshots({"post_id": 1, "observed_at": days_ago(5), "views": 9, "likes": 1})
    select_labelled_posts(connection, days_ago(30))
    before = selected_fingerprint(connection)
    write_owners(connection, owners(100), seen_at=days_ago(3))
    assert selected_fingerprint(connection) != before


def test_a_post_comes_with_the_members_its_owner_had_when_it_appeared(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    ages = {1: 30, 2: 10, 3: 5, 4: 1}
    add_posts(
        *({"post_id": post, "published_at": days_ago(age)} for post, age in ages.items()),
        {"owner_id": -2, "post_id": 5, "published_at": days_ago(1)},
    )
    for age, members in ((9, 100), (8, 100), (4, None), (3, 130)):
        write_owners(connection, owners(members), seen_at=days_ago(age))
    select_published_between(connection, days_ago(99), NIGHT)
    (chunk,) = read(connection)
    assert dict(chunk.select("post_id", "owner_members").rows()) == {
        1: None,  # nobody had counted yet
        2: None,
        3: 100,
        4: 130,
        5: None,
    }
    kept = connection.execute("SELECT members FROM owner_members ORDER BY seen_at").fetchall()
    assert kept == [(100,), (130,)]


def test_members_counted_later_than_the_moment_are_not_known(path: Path):
    with open_warehouse(path) as opened:
        opened.execute(
            "INSERT INTO posts BY NAME SELECT -1 AS owner_id, 1 AS post_id, '' AS text, "
            "'' AS text_hash, 'vk' AS source, $at AS published_at, $at AS first_seen_at, "
            "$at AS updated_at",
            {"at": days_ago(10)},
        )
        write_owners(opened, owners(100), seen_at=days_ago(5))
    with open_warehouse(path, as_of=days_ago(6)) as opened:
        select_published_between(opened, days_ago(99), NIGHT)
        (chunk,) = read(opened)
        assert chunk["owner_members"].to_list() == [None]


def owners(members: int | None) -> pl.DataFrame:
    row = {"owner_id": -1, "name": "Cats", "screen_name": None, "members": members, "address": None}
    schema = {
        "owner_id": pl.Int64,
        "name": pl.String,
        "screen_name": pl.String,
        "members": pl.Int64,
        "address": pl.String,
    }
    return pl.DataFrame([row], schema=schema)


def test_posts_are_counted_by_what_their_reposts_are(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add
):
    kinds = {1: True, 2: False, 3: False, 4: None}
    add_posts(*({"post_id": post, "published_at": days_ago(20)} for post in (*kinds, 5)))
    add_snapshots(
        *(
            {
                "post_id": post,
                "observed_at": days_ago(1),
                "views": 10,
                "reposts": 1,
                "reposts_with_messages": kind,
            }
            for post, kind in kinds.items()
        ),
        {"post_id": 5, "observed_at": days_ago(1), "views": 10, "reposts": None},
    )
    select_labelled_posts(connection, days_ago(99))
    assert count_repost_kinds(connection) == {True: 1, False: 2, None: 1}
