"""What a post says, by version: an edit must not become what was there at publication."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.warehouse.conftest import waiting
from warehouse import schema
from warehouse.database import open_warehouse
from warehouse.features import (
    select_labelled_posts,
    select_published_between,
    selected_features,
    selected_fingerprint,
)
from warehouse.images import images_without_tags, write_images
from warehouse.owner_history import read_owner_history
from warehouse.posts import Written, write_posts
from warehouse.reporting import read_labelled_posts
from warehouse.retention import wanted_images
from warehouse.texts import texts_without_embedding, texts_without_statistics

Add = Callable[..., None]
Rows = list[tuple[Any, ...]]
NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
PUBLISHED = NIGHT - timedelta(hours=6)
SCHEMA = {
    "owner_id": pl.Int64,
    "post_id": pl.Int64,
    "published_at": pl.Datetime("us", "UTC"),
    "text": pl.String,
    "text_hash": pl.String,
    "image_hash": pl.String,
    "is_ad": pl.Boolean,
}
KEYS = {"owner_id": pl.Int64, "post_id": pl.Int64}


def night(number: int) -> datetime:
    return NIGHT + timedelta(days=number)


def post(text: str, picture: str | None = None, is_ad: bool | None = False, number: int = 1):
    return (-1, number, PUBLISHED + timedelta(minutes=number), text, text, picture, is_ad)


def write(
    connection: duckdb.DuckDBPyConnection,
    seen_at: datetime,
    *posts: tuple[Any, ...],
    awaiting: tuple[int, ...] = (),
) -> Written:
    frame = pl.DataFrame(posts, schema=SCHEMA, orient="row")
    missing = pl.DataFrame([(-1, number) for number in awaiting], schema=KEYS, orient="row")
    return write_posts(connection, frame, source="vk", seen_at=seen_at, awaiting=missing)


def now(connection: duckdb.DuckDBPyConnection) -> Rows:
    columns = "text, image_hash, is_ad, edited_at"
    return connection.execute(f"SELECT {columns} FROM posts ORDER BY post_id").fetchall()


def first(connection: duckdb.DuckDBPyConnection) -> Rows:
    columns = "text, image_hash, is_ad"
    return connection.execute(f"SELECT {columns} FROM first_contents ORDER BY post_id").fetchall()


def earlier(connection: duckdb.DuckDBPyConnection) -> Rows:
    columns = "text, image_hash, is_ad, seen_at"
    statement = f"SELECT {columns} FROM earlier_contents ORDER BY post_id, seen_at"
    return connection.execute(statement).fetchall()


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


def tell(
    connection: duckdb.DuckDBPyConnection, run: datetime, told: tuple[Any, ...], at: datetime
) -> Written:
    """Store a post that was seen at a moment of its own, as a file of several crawls tells it."""
    frame = pl.DataFrame([told], schema=SCHEMA, orient="row").with_columns(observed_at=pl.lit(at))
    return write_posts(connection, frame, source="dataset", seen_at=run)


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


def test_a_picture_that_comes_late_was_there_all_the_time(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    write(connection, night(0), post("a"), awaiting=(1,))
    assert write(connection, night(1), post("a"), awaiting=(1,)) == Written()
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
        missing = pl.DataFrame([(-1, 1)] if picture is None else [], schema=KEYS, orient="row")
        frame = frame.with_columns(observed_at=pl.lit(night(day)))
        write_posts(connection, frame, source="dataset", seen_at=night(9), awaiting=missing)

    crawl("it is over", "blue", 2)
    crawl("win", None, 1)  # pictures are switched off by now
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
    assert write(connection, night(1), post("a", is_ad=None)) == Written()
    write(connection, night(2), post("b", is_ad=None))
    assert tell(connection, night(3), post("a", is_ad=None), night(-1)).changed == 0
    assert earlier(connection) == [("a", None, True, night(-1))]
    assert now(connection) == [("b", None, True, night(2))]


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


@pytest.mark.file
def test_a_warehouse_of_an_earlier_version_has_its_posts_as_first_versions(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: a file from before, one picture of which has not come
    old = {number: file for number, file in schema.migrations().items() if number < 30}
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        with monkeypatch.context() as patch:
            patch.setattr(schema, "migrations", lambda: old)
            schema.migrate(connection)
        rows = [("a", "p"), ("b", None), ("c", None)]
        for number, (text, picture) in enumerate(rows, start=1):
            connection.execute(
                "INSERT INTO posts VALUES (-1, ?, ?, ?, ?, ?, false, 'vk', ?, ?)",
                [number, PUBLISHED, text, text, picture, night(0), night(0)],
            )
        connection.execute("INSERT INTO images VALUES ('p', 1, 1, 1, 'ok', NULL)")
        connection.execute(
            "INSERT INTO quarantine VALUES ('vk', '-1_2 picture', 'lost', '', now())"
        )
    # when
    with open_warehouse(path) as connection:
        assert first(connection) == [("a", "p", False), ("b", None, False), ("c", None, False)]
        write(
            connection,
            night(1),
            post("edited", "p"),
            post("b", "late", number=2),
            post("c", "added", number=3),
        )
        # then
        assert first(connection) == [("a", "p", False), ("b", "late", False), ("c", None, False)]
        assert earlier(connection) == [
            ("a", "p", False, night(0)),
            ("c", None, False, night(0)),
        ]


@pytest.mark.file
def test_pictures_that_were_switched_off_so_far_were_there(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {number: file for number, file in schema.migrations().items() if number < 30}
    with duckdb.connect(str(path)) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(schema, "migrations", lambda: old)
            schema.migrate(connection)
        connection.execute(
            "INSERT INTO posts VALUES (-1, 1, ?, 'a', 'a', NULL, false, 'vk', ?, ?)",
            [PUBLISHED, night(0), night(0)],
        )
    with open_warehouse(path) as connection:
        write(connection, night(1), post("a", "p"))
        assert first(connection) == [("a", "p", False)] and earlier(connection) == []


def test_posts_of_before_count_as_first_seen_when_they_were_counted_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "warehouse.duckdb"
    old = {number: file for number, file in schema.migrations().items() if number < 41}
    with duckdb.connect(str(path)) as connection:
        with monkeypatch.context() as patch:
            patch.setattr(schema, "migrations", lambda: old)
            schema.migrate(connection)
        for number, edited_at in ((1, None), (2, night(6)), (3, None)):
            connection.execute(
                "INSERT INTO posts BY NAME SELECT -1 AS owner_id, $number AS post_id, 'b' AS text, "
                "'b' AS text_hash, 'dataset' AS source, $run AS first_seen_at, "
                "$edited AS edited_at, $run AS updated_at",
                {"number": number, "run": night(5), "edited": edited_at},
            )
        connection.execute(
            "INSERT INTO earlier_contents BY NAME SELECT -1 AS owner_id, 2 AS post_id, "
            "'a' AS text, 'a' AS text_hash, $run AS seen_at",
            {"run": night(5)},
        )
        for number, day in ((1, 2), (1, 3), (2, 4), (3, 7)):
            connection.execute(
                "INSERT INTO snapshots BY NAME SELECT -1 AS owner_id, $number AS post_id, "
                "$at AS observed_at, 9 AS views",
                {"number": number, "at": night(day)},
            )
    with open_warehouse(path) as connection:
        moments = connection.execute("SELECT first_seen_at FROM posts ORDER BY post_id").fetchall()
        assert moments == [(night(3),), (night(4),), (night(5),)]
        assert earlier(connection) == [("a", None, None, night(4))]
        # One run had read several crawls, of which it kept the last text: they are read again.
        for text, day in (("a", 2), ("b", 3)):
            tell(connection, night(8), post(text, is_ad=None), night(day))
        assert first(connection)[0] == ("a", None, None)
        assert now(connection)[0] == ("b", None, None, night(3))
