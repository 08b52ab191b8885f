"""Texts are worked on once, newest first, and only where something is missing."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl

from tests.warehouse.conftest import waiting
from warehouse.texts import (
    texts_without_embedding,
    texts_without_statistics,
    write_text_embeddings,
    write_text_statistics,
)

Add = Callable[..., None]
NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
STATISTICS = (
    "characters",
    "words",
    "unique_words",
    "capital_words",
    "stop_words",
    "numbers",
    "emoji",
    "urls",
    "hashtags",
    "mentions",
    "question_marks",
    "exclamation_marks",
    "line_breaks",
    "first_line_break",
)


def post(post_id: int, text: str, days: int | None = 0) -> dict[str, object]:
    published = None if days is None else NIGHT - timedelta(days=days)
    return {
        "post_id": post_id,
        "text": text,
        "text_hash": f"hash of {text}",
        "published_at": published,
    }


def embeddings(encoder_id: str, *texts: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "text_hash": [f"hash of {text}" for text in texts],
            "encoder_id": [encoder_id] * len(texts),
            "embedding": [[float(len(text)), 0.5] for text in texts],
            "n_tokens": [len(text) for text in texts],
            "truncated": [False] * len(texts),
        },
        schema_overrides={"embedding": pl.List(pl.Float32)},
    )


def statistics(version: int, *texts: str) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {"text_hash": f"hash of {text}", "version": version, "capital_letter_share": 0.5}
            | dict.fromkeys(STATISTICS, len(text))
            for text in texts
        ]
    )


def test_the_newest_posts_are_embedded_first_and_undated_ones_last(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    add_posts(post(1, "undated", None), post(2, "old", 9), post(3, "new", 1), post(4, "older", 10))
    assert next(texts_without_embedding(connection, "e", 10)).rows() == [
        ("hash of new", "new"),
        ("hash of old", "old"),
        ("hash of older", "older"),
        ("hash of undated", "undated"),
    ]
    assert next(texts_without_embedding(connection, "e", 2))["text"].to_list() == ["new", "old"]


def test_a_text_is_as_new_as_its_newest_post(connection: duckdb.DuckDBPyConnection, add_posts: Add):
    add_posts(post(1, "repeated", 20), post(2, "old", 9), post(3, "repeated", 1))
    assert waiting(texts_without_embedding, connection, "e", 10) == ["repeated", "old"]
    assert len(waiting(texts_without_embedding, connection, "e", 10)) == 2


def test_empty_texts_are_not_embedded(connection: duckdb.DuckDBPyConnection, add_posts: Add):
    add_posts(post(1, ""), post(2, "cat"))
    assert waiting(texts_without_embedding, connection, "e", 10) == ["cat"]
    assert len(waiting(texts_without_embedding, connection, "e", 10)) == 1


def test_only_texts_without_a_vector_are_listed(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    add_posts(post(1, "cat"), post(2, "dog"), post(3, "fox"))
    assert write_text_embeddings(connection, embeddings("e", "cat", "fox")) == 2
    assert waiting(texts_without_embedding, connection, "e", 10) == ["dog"]
    write_text_embeddings(connection, embeddings("e", "dog"))
    assert list(texts_without_embedding(connection, "e", 10)) == []
    assert len(waiting(texts_without_embedding, connection, "e", 10)) == 0


def test_another_encoder_lists_every_text_again_and_old_vectors_stay(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    add_posts(post(1, "cat"), post(2, "dog"))
    write_text_embeddings(connection, embeddings("old", "cat", "dog"))
    assert len(waiting(texts_without_embedding, connection, "new", 10)) == 2
    write_text_embeddings(connection, embeddings("new", "cat"))
    assert waiting(texts_without_embedding, connection, "new", 10) == ["dog"]
    assert connection.execute(
        "SELECT text_hash, encoder_id, embedding, n_tokens, truncated FROM text_embeddings "
        "ORDER BY ALL"
    ).fetchall() == [
        ("hash of cat", "new", [3.0, 0.5], 3, False),
        ("hash of cat", "old", [3.0, 0.5], 3, False),
        ("hash of dog", "old", [3.0, 0.5], 3, False),
    ]


def test_writing_vectors_twice_stores_them_once(connection: duckdb.DuckDBPyConnection):
    for _ in range(2):
        write_text_embeddings(connection, embeddings("e", "cat", "cat"))
    assert connection.execute("SELECT count(*) FROM text_embeddings").fetchall() == [(1,)]


def test_every_distinct_text_has_statistics_even_the_empty_one(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    add_posts(post(1, ""), post(2, "cat"), post(3, "cat"))
    (found,) = texts_without_statistics(connection, 1, 10)
    assert found.rows() == [("hash of ", ""), ("hash of cat", "cat")]
    write_text_statistics(connection, statistics(1, ""))
    (found,) = texts_without_statistics(connection, 1, 10)
    assert found["text"].to_list() == ["cat"]
    write_text_statistics(connection, statistics(1, "cat"))
    assert list(texts_without_statistics(connection, 1, 10)) == []


def test_many_texts_without_statistics_come_some_at_a_time_and_each_once(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    texts = [f"text {number}" for number in range(300)]
    add_posts(*(post(number + 1, text) for number, text in enumerate(texts)))
    add_posts(*(post(number + 400, text) for number, text in enumerate(texts)))
    frames = []
    for frame in texts_without_statistics(connection, 1, 50):
        frames.append(frame)
        write_text_statistics(connection, statistics(1, *frame["text"]))
    assert [len(frame) for frame in frames] == [50] * 6
    assert sorted(pl.concat(frames)["text"]) == sorted(texts)


def test_a_new_version_of_the_statistics_lists_every_text_again(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    add_posts(post(1, "cat"))
    write_text_statistics(connection, statistics(1, "cat"))
    (found,) = texts_without_statistics(connection, 2, 10)
    assert found["text"].to_list() == ["cat"]
    write_text_statistics(connection, statistics(2, "cat"))
    assert connection.execute(
        "SELECT version, characters FROM text_statistics ORDER BY version"
    ).fetchall() == [(1, 3), (2, 3)]
