"""What is learnt from a post: its first version, whatever is edited later."""

from typing import Any

import duckdb
import polars as pl

from tests.fakes.contents import Add, night, post, write
from tests.warehouse.conftest import waiting
from warehouse.features import (
    select_labelled_posts,
    select_published_between,
    selected_features,
    selected_fingerprint,
)
from warehouse.images import images_without_tags, write_images
from warehouse.owner_history import read_owner_history
from warehouse.reporting import read_labelled_posts
from warehouse.retention import wanted_images
from warehouse.texts import texts_without_embedding, texts_without_statistics


def learnt(connection: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    """Everything that learning, judging, comparing and advising read of posts."""
    select_labelled_posts(connection, night(-30))
    names = {"encoder_id": "e", "tagger_id": "clip", "taxonomy": "t", "statistics_version": 1}
    (chunk,) = selected_features(connection, **names, chunk_posts=9)
    report = read_labelled_posts(connection, night(99), night(-30), 9)
    return (
        chunk.rows(),
        selected_fingerprint(connection),
        read_owner_history(connection, [-1]).rows(),
        report.drop("published_at", "source").rows(),
    )


def test_an_edit_changes_nothing_that_is_learnt(
    connection: duckdb.DuckDBPyConnection, add_snapshots: Add
) -> None:
    # given: three posts with labels, vectors and tags of what they said and of what they will say
    write(connection, night(0), *(post("win", "a", number=number) for number in (1, 2, 3)))
    add_snapshots(
        *({"post_id": n, "observed_at": night(5), "views": 9, "likes": n} for n in (1, 2, 3))
    )
    for text in ("win", "it is over"):
        connection.execute("INSERT INTO text_embeddings VALUES (?, 'e', [1], 1, false)", [text])
        connection.execute(
            "INSERT INTO text_statistics "
            "VALUES (?, 1, ?, 1, 1, 0, 0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1)",
            [text, len(text)],
        )
    for picture in ("a", "b"):
        connection.execute("INSERT INTO image_embeddings VALUES (?, 'clip', [3])", [picture])
        connection.execute(
            "INSERT INTO image_tags VALUES (?, 'clip', 't', ?, 0.75, 1)", [picture, picture]
        )
    connection.execute("INSERT INTO constants VALUES ('tagger_id', 'clip'), ('taxonomy', 't')")
    before = learnt(connection)
    # when
    write(connection, night(6), post("it is over", "b", True), post("over", None, number=2))
    # then: neither now nor as of any moment
    assert learnt(connection) == before
    for day in (4, 5, 6, 7):
        connection.execute("SET VARIABLE as_of = ?::TIMESTAMPTZ", [night(day)])
        select_published_between(connection, night(-30), night(30))
        (chunk,) = selected_features(
            connection,
            encoder_id="e",
            tagger_id="clip",
            taxonomy="t",
            statistics_version=1,
            chunk_posts=9,
        )
        assert chunk["text_hash"].to_list() == ["win"] * 3
        assert chunk["image_category"].to_list() == ["a"] * 3
        assert chunk["is_ad"].to_list() == [False] * 3
        assert chunk["characters"].to_list() == [3] * 3


def test_every_version_has_what_features_need(connection: duckdb.DuckDBPyConnection) -> None:
    write(connection, night(0), post("a", "p"))
    write(connection, night(1), post("b", "q"))
    assert waiting(texts_without_embedding, connection, "e", 9) == ["a"]
    assert waiting(texts_without_statistics, connection, 1, 9) == ["a"]
    rows = pl.DataFrame({"image_hash": ["p", "q"], "bytes": [1, 1], "status": ["ok", "ok"]})
    write_images(connection, rows)
    assert waiting(images_without_tags, connection, "clip", "t", 9) == ["p", "q"]
    assert wanted_images(connection) == {"p", "q"}
