"""Pictures are tagged once, newest first, and bad ones never."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl

from tests.warehouse.conftest import waiting
from warehouse.images import (
    images_without_tags,
    known_images,
    read_category_embeddings,
    write_category_embeddings,
    write_image_failure,
    write_images,
    write_tags,
)

Add = Callable[..., None]
NIGHT = datetime(2026, 6, 1, tzinfo=UTC)


def post(post_id: int, image_hash: str | None, days: int | None = 0) -> dict[str, object]:
    published = None if days is None else NIGHT - timedelta(days=days)
    return {"post_id": post_id, "image_hash": image_hash, "published_at": published}


def pictures(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "image_hash": [image_hash for image_hash, _ in rows],
            "width": [10] * len(rows),
            "height": [20] * len(rows),
            "bytes": [300] * len(rows),
            "status": [status for _, status in rows],
            "error": [None if status == "ok" else "why" for _, status in rows],
        },
        schema_overrides={"error": pl.String},
    )


def tag(
    connection: duckdb.DuckDBPyConnection, *hashes: str, encoder: str = "e", taxonomy: str = "t"
) -> None:
    keys = pl.DataFrame({"image_hash": hashes}).with_columns(pl.lit(encoder).alias("encoder_id"))
    with_taxonomy = keys.with_columns(pl.lit(taxonomy).alias("taxonomy"))
    vector = pl.lit([0.25, 0.75], pl.List(pl.Float32))
    ranks = pl.DataFrame({"category": ["cats", "dogs"], "score": [0.75, 0.25], "rank": [1, 2]})
    write_tags(
        connection,
        keys.with_columns(vector.alias("embedding")),
        with_taxonomy.with_columns(vector.alias("scores")),
        with_taxonomy.join(ranks, how="cross"),
    )


def test_the_newest_pictures_are_tagged_first_each_once(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    write_images(connection, pictures(*((name, "ok") for name in "abcd")))
    add_posts(post(1, "a", None), post(2, "b", 9), post(3, "c", 5), post(4, "b", 1), post(5, None))
    assert waiting(images_without_tags, connection, "e", "t", 10) == ["b", "c", "a"]
    assert next(images_without_tags(connection, "e", "t", 2)).rows() == [("b",), ("c",)]
    assert len(waiting(images_without_tags, connection, "e", "t", 10)) == 3


def test_bad_pictures_are_not_tagged(connection: duckdb.DuckDBPyConnection, add_posts: Add):
    statuses = ["ok", "empty", "too_large", "not_an_image", "unsupported", "truncated", "lost"]
    write_images(connection, pictures(*((status, status) for status in statuses)))
    add_posts(*(post(number, status) for number, status in enumerate(statuses)))
    assert waiting(images_without_tags, connection, "e", "t", 10) == ["ok"]
    assert len(waiting(images_without_tags, connection, "e", "t", 10)) == 1


def test_only_pictures_without_tags_are_listed(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    write_images(connection, pictures(("a", "ok"), ("b", "ok")))
    add_posts(post(1, "a"), post(2, "b"))
    tag(connection, "a")
    assert waiting(images_without_tags, connection, "e", "t", 10) == ["b"]
    tag(connection, "b")
    assert waiting(images_without_tags, connection, "e", "t", 10) == []
    assert len(waiting(images_without_tags, connection, "e", "t", 10)) == 0


def test_another_encoder_or_taxonomy_lists_every_picture_again_and_old_rows_stay(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    write_images(connection, pictures(("a", "ok")))
    add_posts(post(1, "a"))
    tag(connection, "a")
    assert waiting(images_without_tags, connection, "other", "t", 10) == ["a"]
    assert waiting(images_without_tags, connection, "e", "other", 10) == ["a"]
    tag(connection, "a", encoder="other")
    tag(connection, "a", taxonomy="other")
    assert connection.execute(
        "SELECT encoder_id, taxonomy, category, rank FROM image_tags ORDER BY ALL"
    ).fetchall() == [
        ("e", "other", "cats", 1),
        ("e", "other", "dogs", 2),
        ("e", "t", "cats", 1),
        ("e", "t", "dogs", 2),
        ("other", "t", "cats", 1),
        ("other", "t", "dogs", 2),
    ]
    assert connection.execute("SELECT encoder_id FROM image_embeddings ORDER BY 1").fetchall() == [
        ("e",),
        ("other",),
    ]
    for encoder, taxonomy in (("e", "t"), ("e", "other"), ("other", "t")):
        assert len(waiting(images_without_tags, connection, encoder, taxonomy, 10)) == 0
    assert len(waiting(images_without_tags, connection, "other", "other", 10)) == 1


def test_tagging_twice_stores_tags_once(connection: duckdb.DuckDBPyConnection):
    tag(connection, "a")
    tag(connection, "a")
    for table, rows in {"image_embeddings": 1, "image_scores": 1, "image_tags": 2}.items():
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchall() == [(rows,)]


def test_a_picture_is_stored_once(connection: duckdb.DuckDBPyConnection):
    for _ in range(2):
        assert write_images(connection, pictures(("a", "ok"), ("a", "ok"))) == 1
    assert connection.execute("FROM images").fetchall() == [("a", 10, 20, 300, "ok", None)]


def test_known_pictures_are_told_with_their_status(connection: duckdb.DuckDBPyConnection):
    write_images(connection, pictures(("a", "ok"), ("b", "truncated"), ("c", "ok")))
    wanted = pl.DataFrame({"image_hash": ["b", "x", "a", "b"]})
    assert sorted(known_images(connection, wanted).rows()) == [
        ("a", "ok", None),
        ("b", "truncated", "why"),
    ]


def test_a_picture_that_got_lost_is_not_listed_again(
    connection: duckdb.DuckDBPyConnection, add_posts: Add
):
    write_images(connection, pictures(("a", "ok"), ("b", "ok")))
    add_posts(post(1, "a"), post(2, "b"))
    write_image_failure(connection, ["a"], "lost", "the file is gone")
    assert waiting(images_without_tags, connection, "e", "t", 10) == ["b"]
    assert connection.execute(
        "SELECT image_hash, status, error FROM images ORDER BY 1"
    ).fetchall() == [("a", "lost", "the file is gone"), ("b", "ok", None)]


def test_category_vectors_come_back_in_the_order_of_the_taxonomy(
    connection: duckdb.DuckDBPyConnection,
):
    rows = pl.DataFrame(
        {
            "encoder_id": ["e"] * 3,
            "taxonomy": ["t", "t", "other"],
            "position": [1, 0, 0],
            "category": ["dogs", "cats", "cars"],
            "embedding": [[1.0], [0.0], [5.0]],
        },
        schema_overrides={"embedding": pl.List(pl.Float32)},
    )
    for _ in range(2):
        write_category_embeddings(connection, rows)
    read = read_category_embeddings(connection, "e", "t")
    assert read.rows() == [("cats", [0.0]), ("dogs", [1.0])]
    assert read_category_embeddings(connection, "x", "t").is_empty()
