"""Pulling: what a source has arrives once, whole, and the bad rows say why they did not."""

import base64
import csv
import gzip
import io
import json
import random
import shutil
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tasks.pulling import PullCounts, pull_posts
from vkflow.errors import SettingsError, SourceError
from vkflow.images.decoding import picture_hash
from vkflow.images.media import picture_name
from vkflow.sample.files import write_sample
from vkflow.sample.world import World, draw_world
from vkflow.settings import Settings, load_settings
from warehouse.database import open_warehouse
from warehouse.images import write_image_failure

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
NEXT_NIGHT = NIGHT + timedelta(days=1)
COLUMNS = (
    "view",
    "like",
    "comment",
    "hide",
    "expand",
    "open_photo",
    "open",
    "share_to_message",
    "text",
    "photo",
)
REAL = (
    (10869, 185, 0, 2, 0, 1947, 14, 20),
    (9083, 227, 1, 7, 4, 958, 23, 2),
    (5352, 25, 5, 12, 598, 430, 114, 4),
    (4260, 539, 5, 3, 1, 138, 62, 24),
    (65138, 269, 14, 69, 2036, 172, 2390, 116),
)
TEXTS = (
    "Котики &#128571; &amp; пёсики<br>вторая строка",
    'с "кавычками", запятыми; и\nнастоящим\r\nпереносом',
    "",
    "🐈" * 100,
    "[club1|Клуб] https://vk.com/wall-1_2 #тег",
)
PICTURES_ON = "ViT-B-32:any"  # pulling stores pictures for any tagger and loads none
Row = dict[str, Any]


def jpeg(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(file, "JPEG")
    return file.getvalue()


def as_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def row(counts: Sequence[object] = REAL[0], text: str = "cat", photo: str = "", **more: Any) -> Row:
    return dict(zip(COLUMNS, (*counts, text, photo), strict=True)) | more


UNKNOWN = ("",) * 8
GOOD = [
    row(counts, text, as_base64(jpeg()) if number == 0 else "")
    for number, (counts, text) in enumerate(zip(REAL, TEXTS, strict=True))
]


def write_csv(path: Path, rows: Iterable[Row]) -> Path:
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, rows: Iterable[Row]) -> Path:
    frame = pl.DataFrame(list(rows)).with_columns(pl.col(pl.String).replace("", None))
    frame.write_parquet(path)
    return path


def dataset(home: Path, path: Path, tagger: str = "none", chunk_rows: int = 5_000) -> Settings:
    return load_settings(
        home=home,
        source="dataset",
        dataset={"path": path, "chunk_rows": chunk_rows},
        images={"tagger": tagger},
    )


@pytest.fixture(scope="module")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: faster than migrating one for each test."""
    path = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    with open_warehouse(path):
        return path


@pytest.fixture
def home(tmp_path: Path, empty_warehouse: Path) -> Path:
    directory = tmp_path / "home"
    directory.mkdir()
    shutil.copy(empty_warehouse, directory / "warehouse.duckdb")
    return directory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "posts.csv"


@contextmanager
def reading(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def ask(home: Path, statement: str) -> list[tuple[Any, ...]]:
    with reading(home) as connection:
        return connection.execute(statement).fetchall()


def whole_warehouse(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("posts", "earlier_contents", "snapshots", "images", "quarantine", "watermarks")
    with reading(home) as connection:
        return {
            table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables
        }


def ids_by_text(home: Path) -> dict[str, int]:
    return dict(ask(home, "SELECT text, post_id FROM posts"))


@pytest.mark.parametrize(
    ("write", "suffix"), [(write_csv, "csv"), (write_parquet, "parquet")], ids=["csv", "parquet"]
)
def test_the_rows_of_a_file_arrive_as_they_are(tmp_path: Path, home: Path, write: Any, suffix: str):
    path = write(tmp_path / f"posts.{suffix}", GOOD)
    counts = pull_posts.fn(dataset(home, path, PICTURES_ON), NIGHT)
    assert counts == PullCounts(seen=5, new=5, snapshots=5)
    assert set(ask(home, "SELECT owner_id, published_at, text, is_ad, source FROM posts")) == {
        (0, None, text, None, "dataset") for text in TEXTS
    }
    stored = ask(
        home,
        "SELECT observed_at, text, views, likes, comments, hides, expands, photo_opens, opens, "
        "shares_to_message, reposts, reach FROM snapshots JOIN posts USING (owner_id, post_id)",
    )
    assert set(stored) == {
        (NIGHT, text, *counts, None, None) for counts, text in zip(REAL, TEXTS, strict=True)
    }
    name = picture_hash(jpeg())
    assert ask(home, "FROM images") == [(name, 256, 256, len(jpeg()), "ok", None)]
    assert ask(home, "SELECT text FROM posts WHERE image_hash IS NOT NULL") == [(TEXTS[0],)]
    assert (home / "media" / picture_name(name)).read_bytes() == jpeg()


@pytest.mark.parametrize("chunk_rows", [1, 2, 5_000])
def test_pulling_a_file_again_changes_nothing(home: Path, file: Path, chunk_rows: int):
    write_csv(file, [*GOOD, row(text="bad", counts=(1, 2, *[0] * 6))])
    settings = dataset(home, file, PICTURES_ON, chunk_rows)
    first = pull_posts.fn(settings, NIGHT)
    assert (first.new, first.snapshots) == (6, 5)
    before = whole_warehouse(home)
    again = pull_posts.fn(settings, NEXT_NIGHT)
    assert (again.seen, again.new, again.changed, again.snapshots) == (6, 0, 0, 0)
    after = whole_warehouse(home)
    complaint = before["quarantine"][0]
    assert after == before | {"quarantine": [(*complaint[:-1], NEXT_NIGHT)]}


def test_ids_stay_when_the_file_grows_in_front_and_behind(home: Path, file: Path):
    write_csv(file, GOOD)
    pull_posts.fn(dataset(home, file, chunk_rows=2), NIGHT)
    before = ids_by_text(home)
    write_csv(file, [row(text="new first"), *GOOD, row(text="new last")])
    counts = pull_posts.fn(dataset(home, file, chunk_rows=3), NEXT_NIGHT)
    assert (counts.new, counts.changed, counts.snapshots) == (2, 0, 2)
    after = ids_by_text(home)
    assert {text: after[text] for text in before} == before
    assert all(0 <= post_id < 2**63 for post_id in after.values())


def test_csv_and_parquet_give_the_same_ids(tmp_path: Path, home: Path, file: Path):
    pull_posts.fn(dataset(home, write_csv(file, GOOD)), NIGHT)
    parquet = write_parquet(tmp_path / "posts.parquet", GOOD)
    counts = pull_posts.fn(dataset(home, parquet), NEXT_NIGHT)
    assert counts == PullCounts(seen=5)


def test_equal_rows_are_different_posts_with_stable_ids(home: Path, file: Path):
    write_csv(file, [row(), row(), row(), row(photo=as_base64(jpeg()))])
    counts = pull_posts.fn(dataset(home, file, chunk_rows=2), NIGHT)
    assert (counts.new, counts.snapshots) == (4, 4)
    before = whole_warehouse(home)
    assert len({post_id for _, post_id, *_ in before["posts"]}) == 4
    pull_posts.fn(dataset(home, file, chunk_rows=3), NEXT_NIGHT)
    assert whole_warehouse(home) == before


def test_a_post_without_counts_has_no_snapshot_until_a_later_file_brings_them(
    home: Path, file: Path
):
    write_csv(file, [row(UNKNOWN, "waiting"), row(text="known")])
    counts = pull_posts.fn(dataset(home, file), NIGHT)
    assert (counts.new, counts.snapshots) == (2, 1)
    before = ids_by_text(home)
    write_csv(file, [row(REAL[1], "waiting")])
    counts = pull_posts.fn(dataset(home, file), NEXT_NIGHT)
    assert (counts.new, counts.changed, counts.snapshots) == (0, 0, 1)
    assert ids_by_text(home) == before
    assert ask(
        home, "SELECT text, observed_at, views FROM snapshots JOIN posts USING (post_id) ORDER BY 1"
    ) == [("known", NIGHT, REAL[0][0]), ("waiting", NEXT_NIGHT, REAL[1][0])]


def test_counts_known_in_part_stay_unknown_for_the_rest(home: Path, file: Path):
    write_csv(file, [row((100, 0, *[""] * 6))])
    pull_posts.fn(dataset(home, file), NIGHT)
    assert ask(home, "SELECT views, likes, comments, opens FROM snapshots") == [
        (100, 0, None, None)
    ]


def test_optional_columns_are_taken(home: Path, file: Path):
    write_csv(
        file,
        [
            row(
                owner_id=-5,
                post_id=7,
                published_at="2026-05-01T12:00:00+03:00",
                observed_at="2026-05-20 10:00:00",
                is_ad="true",
                repost=3,
            ),
            row(
                owner_id="",
                post_id=8,
                published_at="2026-05-02",
                observed_at="",
                is_ad="0",
                repost="",
            ),
        ],
    )
    pull_posts.fn(dataset(home, file), NIGHT)
    assert ask(
        home, "SELECT owner_id, post_id, published_at, is_ad FROM posts ORDER BY post_id"
    ) == [
        (-5, 7, datetime(2026, 5, 1, 9, tzinfo=UTC), True),
        (0, 8, datetime(2026, 5, 2, tzinfo=UTC), False),
    ]
    assert ask(home, "SELECT post_id, observed_at, reposts FROM snapshots ORDER BY post_id") == [
        (7, datetime(2026, 5, 20, 10, tzinfo=UTC), 3),
        (8, NIGHT, None),
    ]


def test_a_post_observed_twice_in_a_file_is_one_post_with_two_snapshots(home: Path, file: Path):
    key = {"owner_id": -1, "post_id": 7}
    picture = as_base64(jpeg())
    rows = [
        row(REAL[1], "draft", picture, **key, observed_at="2026-05-01"),
        row(REAL[0], "final", "", **key, observed_at="2026-05-02"),
    ]
    counts = pull_posts.fn(dataset(home, write_csv(file, rows), PICTURES_ON), NIGHT)
    assert counts == PullCounts(seen=1, new=1, changed=1, snapshots=2)
    assert ask(home, "SELECT text, image_hash FROM posts") == [("final", None)]
    assert ask(home, "SELECT views FROM snapshots ORDER BY observed_at") == [
        (REAL[1][0],),
        (REAL[0][0],),
    ]


@pytest.mark.parametrize("chunk_rows", [1, 2, 5_000])
@pytest.mark.parametrize("newest_first", [False, True])
def test_of_several_crawls_in_a_folder_the_first_is_learnt_from(
    home: Path, tmp_path: Path, chunk_rows: int, newest_first: bool
):
    """One run reads all that was crawled before there was a warehouse."""
    red, blue = jpeg(), jpeg("blue")
    crawls = [
        ("win", red, "2026-05-01"),
        ("win", red, "2026-05-02"),
        ("it is over", blue, "2026-05-03"),
    ]
    rows = [
        row(REAL[0], text, as_base64(picture), owner_id="-1", post_id="7", observed_at=at)
        for text, picture, at in (reversed(crawls) if newest_first else crawls)
    ]
    folder = tmp_path / "crawls"
    folder.mkdir()
    write_csv(folder / "1.csv", rows[:2])
    write_csv(folder / "2.csv", rows[2:])
    settings = dataset(home, folder, PICTURES_ON, chunk_rows)
    counts = pull_posts.fn(settings, NIGHT)
    assert (counts.new, counts.snapshots, counts.refreshed) == (1, 3, 0)
    found = whole_warehouse(home)
    pull_posts.fn(settings, NEXT_NIGHT)
    assert whole_warehouse(home) == found
    shown = "SELECT text, image_hash FROM"
    assert ask(home, f"{shown} first_contents") == [("win", picture_hash(red))]
    assert ask(home, f"{shown} posts") == [("it is over", picture_hash(blue))]


@pytest.mark.parametrize("counts", [UNKNOWN, (-1, *REAL[0][1:]), ("x", *REAL[0][1:])])
def test_a_crawl_was_first_though_its_counts_cannot_be_right(
    home: Path, file: Path, counts: tuple[object, ...]
):
    post = {"owner_id": "-1", "post_id": "7"}
    rows = [
        row(counts, "win", **post, observed_at="2026-05-01"),
        row(REAL[0], "it is over", **post, observed_at="2026-05-02"),
    ]
    pull_posts.fn(dataset(home, write_csv(file, rows), chunk_rows=1), NIGHT)
    assert ask(home, "SELECT text FROM first_contents") == [("win",)]
    assert ask(home, "SELECT text FROM posts") == [("it is over",)]


def test_a_crawl_of_a_moment_that_cannot_be_is_one_of_its_run(home: Path, file: Path):
    post = {"owner_id": "-1", "post_id": "7", "published_at": "2026-05-02"}
    write_csv(
        file, [row(**post, observed_at=at) for at in ("2005-01-01", "2026-05-01", "2027-01-01")]
    )
    pull_posts.fn(dataset(home, file, chunk_rows=1), NIGHT)
    assert ask(home, "SELECT first_seen_at, edited_at FROM posts") == [(NIGHT, None)]


@pytest.mark.parametrize("at", ["", "2026-05-01"])
def test_of_a_post_that_comes_twice_of_one_moment_the_last_counts_night_after_night(
    home: Path, file: Path, at: str
):
    post = {"owner_id": "-1", "post_id": "7", "observed_at": at}
    write_csv(file, [row(text="draft", **post), row(text="final", **post)])
    first = pull_posts.fn(dataset(home, file), NIGHT)
    before = whole_warehouse(home)
    again = pull_posts.fn(dataset(home, file), NEXT_NIGHT)
    assert (first.new, first.changed, again.new, again.changed) == (1, 0, 0, 0)
    after = whole_warehouse(home)
    assert after | {"quarantine": []} == before | {"quarantine": []}
    assert ask(home, "SELECT text FROM posts") == [("final",)]


@pytest.mark.parametrize("bad", [0, 1])
def test_a_bad_picture_of_one_crawl_is_told_though_that_of_another_is_good(
    home: Path, file: Path, bad: int
):
    pictures = [jpeg(), jpeg("blue")]
    pictures[bad] = b"no picture"
    post = {"owner_id": "-1", "post_id": "7"}
    rows = [
        row(text=f"{day}", photo=as_base64(photo), **post, observed_at=f"2026-05-0{day}")
        for day, photo in enumerate(pictures, start=1)
    ]
    counts = pull_posts.fn(dataset(home, write_csv(file, rows), PICTURES_ON), NIGHT)
    assert counts.bad_pictures == 1
    assert ask(home, "SELECT key FROM quarantine") == [("-1_7 picture",)]


def test_a_file_of_one_post_a_thousand_times_takes_no_thousand_transactions(
    home: Path, file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("vkflow.sources.rows.MAX_EDITS", 2)
    start = datetime(2026, 5, 1, tzinfo=UTC)
    crawls = [
        row(text=f"text {n}", owner_id="-1", post_id="7", observed_at=start + timedelta(hours=n))
        for n in range(9)
    ]
    settings = dataset(home, write_csv(file, crawls))
    assert pull_posts.fn(settings, NIGHT).changed == 2
    found = whole_warehouse(home)
    assert pull_posts.fn(settings, NEXT_NIGHT).changed == 0
    assert whole_warehouse(home) == found
    assert ask(home, "SELECT text FROM first_contents") == [("text 0",)]
    assert ask(home, "SELECT text FROM posts") == [("text 8",)]
    assert ask(home, "SELECT count(*) FROM snapshots") == [(9,)]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
@pytest.mark.parametrize("newest_first", [False, True])
def test_pictures_and_marks_that_are_told_later_belong_to_the_crawl_they_come_with(
    home: Path, file: Path, chunk_rows: int, newest_first: bool
):
    red, blue = jpeg(), jpeg("blue")
    post = {"owner_id": "-1", "post_id": "7"}

    def pull(day: int, mark: str, tagger: str) -> PullCounts:
        crawls = [
            row(REAL[0], "win", as_base64(red), **post, observed_at="2026-05-01", is_ad=mark),
            row(REAL[0], "over", as_base64(blue), **post, observed_at="2026-05-02", is_ad=mark),
        ]
        write_csv(file, crawls[::-1] if newest_first else crawls)
        return pull_posts.fn(dataset(home, file, tagger, chunk_rows), NIGHT + timedelta(days=day))

    nights = [("", "none"), ("0", "none"), ("0", PICTURES_ON), ("0", "none"), ("0", PICTURES_ON)]
    found = [pull(day, *night) for day, night in enumerate(nights)]
    assert [counts.changed for counts in found[3:]] == [0, 0]
    shown = "SELECT text, image_hash, is_ad FROM"
    assert ask(home, f"{shown} earlier_contents") == [("win", picture_hash(red), False)]
    assert ask(home, f"{shown} posts") == [("over", picture_hash(blue), False)]


def test_an_edited_row_of_a_file_keeps_what_it_said_first(home: Path, file: Path):
    key = {"owner_id": -1, "post_id": 7, "observed_at": "2026-05-01"}
    red, blue = jpeg(), jpeg("blue")
    off, on = dataset(home, file), dataset(home, file, PICTURES_ON)
    for day, how, text, picture in (
        (0, off, "win", red),  # pictures are switched off: this one is awaited
        (1, on, "win", red),
        (2, on, "it is over", blue),
        (3, off, "it is over!", blue),
        (3, off, "it is over!", blue),
    ):
        write_csv(file, [row(REAL[1], text, as_base64(picture), **key)])
        pull_posts.fn(how, NIGHT + timedelta(days=day))
    shown = "SELECT text, image_hash FROM"
    assert ask(home, f"{shown} first_contents") == [("win", picture_hash(red))]
    assert ask(home, f"{shown} posts") == [("it is over!", picture_hash(blue))]
    assert ask(home, f"{shown} earlier_contents ORDER BY seen_at") == [
        ("win", picture_hash(red)),
        ("it is over", picture_hash(blue)),
    ]


def test_whole_numbers_written_as_decimals_are_understood(home: Path, file: Path):
    write_csv(file, [row([f"{count}.0" for count in REAL[0]], owner_id="-5.0", post_id="7.0")])
    pull_posts.fn(dataset(home, file), NIGHT)
    assert ask(home, "SELECT owner_id, post_id, views, likes, opens FROM snapshots") == [
        (-5, 7, 10869, 185, 14)
    ]


def huge_png() -> bytes:
    """A few bytes that say they are 20,000 x 20,000 pixels."""

    def part(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")


@pytest.mark.parametrize(
    ("photo", "status", "error"),
    [
        ("это не base64!", "not_an_image", "not a picture"),
        (as_base64(b"<html><body>404</body></html>"), "not_an_image", "web page"),
        (as_base64(jpeg()[:200]), "truncated", "damaged|breaks off"),
        (as_base64(huge_png()), "too_large", "pixels"),
        (as_base64(b"II*\0 tiff"), "unsupported", "TIFF"),
        ("   ", "empty", "no bytes"),
    ],
    ids=["no base64", "html", "cut short", "huge", "tiff", "spaces"],
)
def test_a_bad_picture_is_noted_with_its_reason_and_the_post_arrives(
    home: Path, file: Path, photo: str, status: str, error: str
):
    write_csv(file, [row(text="bad", photo=photo), row(text="good", photo=as_base64(jpeg()))])
    settings = dataset(home, file, PICTURES_ON)
    counts = pull_posts.fn(settings, NIGHT)
    assert counts == PullCounts(seen=2, new=2, snapshots=2, bad_pictures=1)
    rows = ask(home, "SELECT text, status FROM posts JOIN images USING (image_hash) ORDER BY text")
    assert rows == [("bad", status), ("good", "ok")]
    assert ask(
        home, f"SELECT regexp_matches(error, '{error}') FROM images WHERE status <> 'ok'"
    ) == [(True,)]
    assert len([path for path in settings.media.folder.rglob("*") if path.is_file()]) == 1
    [(key, reason)] = ask(home, "SELECT key, reason FROM quarantine")
    assert key.endswith(" picture") and reason.startswith("the picture cannot be used: ")
    pull_posts.fn(settings, NEXT_NIGHT)
    assert len(ask(home, "SELECT key FROM quarantine")) == 1


FUTURE = (NIGHT + timedelta(days=2)).isoformat()
BAD_POSTS = {
    "a text of a megabyte": (row(text="я" * 1_000_000), "longer than 100000 characters"),
    "a NUL": (row(text="a\0b"), "contains NUL"),
    "an unreadable id": (row(post_id="abc"), "post_id is not a whole number"),
    "a negative id": (row(post_id="-7"), "post_id is negative"),
    "published in the future": (row(published_at=FUTURE), "published in the future"),
    "published before VK": (row(published_at="1999-01-01"), "published before VK existed"),
    "an impossible date": (row(published_at="2026-02-30"), "published_at is not a time"),
    "a word for a date": (row(published_at="вчера"), "published_at is not a time"),
    "a doubtful truth": (row(is_ad="perhaps"), "is_ad is not true or false"),
    "nothing at all": (row(UNKNOWN, ""), "the row is empty"),
}
BAD_COUNTS = {
    "a word for a number": (row(("many", *REAL[0][1:])), "view is not a whole number"),
    "a fraction": (row((10.5, *REAL[0][1:])), "view is not a whole number"),
    "a number beyond 64 bits": (row((10**30, *REAL[0][1:])), "view is not a whole number"),
    "an impossible observation": (row(observed_at="2026-13-01"), "observed_at is not a time"),
    "negative views": (row((-1, 0, 0, 0, 0, 0, 0, 0)), "views is negative"),
    "negative likes": (row((10, -1, 0, 0, 0, 0, 0, 0)), "likes is negative"),
    "more likes than views": (row((10, 11, 0, 0, 0, 0, 0, 0)), "more likes than views"),
    "more hides than views": (row((10, 0, 0, 11, 0, 0, 0, 0)), "more hides than views"),
    "observed in the future": (row(observed_at=FUTURE), "observed in the future"),
    "observed before VK": (row(observed_at="1970-01-01"), "observed before VK existed"),
    "observed before published": (
        row(published_at="2026-05-02", observed_at="2026-05-01"),
        "observed before it was published",
    ),
}


def with_good(bad: Row) -> list[Row]:
    """The bad row first, so that what follows it is seen to arrive."""
    optional = {name: "" for name in bad if name not in COLUMNS}
    return [bad, row(text="good") | optional]


@pytest.mark.parametrize(("bad", "reason"), BAD_POSTS.values(), ids=list(BAD_POSTS))
def test_a_bad_row_goes_to_quarantine_and_the_others_arrive(
    home: Path, file: Path, bad: Row, reason: str
):
    write_csv(file, with_good(bad))
    counts = pull_posts.fn(dataset(home, file), NIGHT)
    assert (counts.seen, counts.new, counts.snapshots) == (2, 1, 1)
    assert counts.quarantined.total() == 1
    assert ask(home, "SELECT text FROM posts") == [("good",)]
    ((source, why, length, seen_at),) = ask(
        home, "SELECT source, reason, length(payload), seen_at FROM quarantine"
    )
    assert (source, seen_at) == ("dataset", NIGHT)
    assert reason in why
    assert 0 < length <= 500


ODD_COUNTS = {name: BAD_COUNTS.pop(name) for name in ("negative likes", "more hides than views")}


@pytest.mark.parametrize(("bad", "reason"), ODD_COUNTS.values(), ids=list(ODD_COUNTS))
def test_a_single_count_that_cannot_be_right_goes_to_quarantine_and_the_others_arrive(
    home: Path, file: Path, bad: Row, reason: str
):
    write_csv(file, with_good(bad))
    counts = pull_posts.fn(dataset(home, file), NIGHT)
    assert counts == PullCounts(seen=2, new=2, snapshots=2, quarantined=Counter([reason]))
    left_out = reason.removesuffix(" is negative").removeprefix("more ").removesuffix(" than views")
    assert ask(
        home,
        f"SELECT {left_out} IS NULL, views IS NULL FROM snapshots JOIN posts USING (post_id) "
        "ORDER BY text",
    ) == [(True, False), (False, False)]
    assert ask(home, "SELECT reason FROM quarantine") == [(reason,)]


@pytest.mark.parametrize(("bad", "reason"), BAD_COUNTS.values(), ids=list(BAD_COUNTS))
def test_bad_counts_go_to_quarantine_and_their_post_arrives_without_them(
    home: Path, file: Path, bad: Row, reason: str
):
    write_csv(file, with_good(bad))
    counts = pull_posts.fn(dataset(home, file), NIGHT)
    assert counts == PullCounts(seen=2, new=2, snapshots=1, quarantined=Counter([reason]))
    assert ask(home, "SELECT text FROM posts ORDER BY text") == [("cat",), ("good",)]
    assert ask(home, "SELECT text FROM snapshots JOIN posts USING (post_id)") == [("good",)]
    assert ask(home, "SELECT reason FROM quarantine") == [(reason,)]


def test_a_quarantined_row_names_its_line_and_what_it_said(home: Path, file: Path):
    write_csv(file, [row(text="good"), row((*REAL[0][:7], "много"), "я" * 900)])
    pull_posts.fn(dataset(home, file), NIGHT)
    ((payload,),) = ask(home, "SELECT payload FROM quarantine")
    assert payload.startswith('{"row":2,"view":"10869"')
    assert '"share_to_message":"много"' in payload


def test_mended_counts_leave_the_quarantine(home: Path, file: Path):
    write_csv(file, [row(("many", *REAL[0][1:]), "a"), row((1, 2, *[0] * 6), "b"), row(text="c")])
    pull_posts.fn(dataset(home, file), NIGHT)
    assert len(ask(home, "FROM quarantine")) == 2
    assert len(ask(home, "FROM posts")) == 3
    write_csv(file, [row(text="a"), row((1, 2, *[0] * 6), "b"), row(text="c")])
    counts = pull_posts.fn(dataset(home, file), NEXT_NIGHT)
    assert (counts.new, counts.refreshed, counts.snapshots) == (0, 1, 1)
    assert ask(home, "SELECT reason, seen_at FROM quarantine") == [
        ("more likes than views", NEXT_NIGHT)
    ]


def test_what_a_pull_did_can_be_written_down(home: Path, file: Path):
    write_csv(file, [row(("many", *REAL[0][1:])), row()])
    counts = pull_posts.fn(dataset(home, file), NIGHT)
    written = json.loads(json.dumps(counts.as_dict()))
    assert (written["seen"], written["new"]) == (2, 2)
    assert written["quarantined"] == {"view is not a whole number": 1}


def quarantined_keys(home: Path) -> list[str]:
    return [key for (key,) in ask(home, "SELECT key FROM quarantine ORDER BY key")]


@pytest.mark.parametrize("later", ["counts", "no counts", "another file"])
def test_complaints_about_counts_vanish_once_these_are_mended_or_emptied(
    home: Path, file: Path, later: str
):
    write_csv(
        file,
        [row(("many", *REAL[0][1:]), "a", post_id=""), row((-1, *REAL[0][1:]), "b", post_id=5)],
    )
    pull_posts.fn(dataset(home, file), NIGHT)
    assert len(quarantined_keys(home)) == 2
    counts = UNKNOWN if later == "no counts" else REAL[0]
    mended = file.with_name("other.csv") if later == "another file" else file
    write_csv(mended, [row(counts, "a", post_id=""), row(counts, "b", post_id=5)])
    pull_posts.fn(dataset(home, mended), NEXT_NIGHT)
    assert quarantined_keys(home) == []


def test_complaints_about_rows_nobody_can_name_vanish_once_these_are_mended(home: Path, file: Path):
    rows = [
        row(post_id="abc", text="id"),
        row(post_id="", text="x\0"),
        row(post_id=-1, text="negative"),
    ]
    write_csv(file, rows)
    with file.open("a") as opened:
        opened.write("1,2,3\n")
    pull_posts.fn(dataset(home, file), NIGHT)
    assert quarantined_keys(home) == [f"posts.csv row {number}" for number in (1, 2, 3, 4)]
    write_csv(file, [row(post_id=1, text="id"), row(post_id="", text="x"), rows[2]])
    pull_posts.fn(dataset(home, file), NEXT_NIGHT)
    assert quarantined_keys(home) == ["posts.csv row 3"]


def test_a_row_wrong_in_another_way_than_before_is_complained_of_once(home: Path, file: Path):
    for night, likes in ((NIGHT, -1), (NEXT_NIGHT, 10**6)):
        write_csv(file, [row((100, likes, *[0] * 6), "a")])
        pull_posts.fn(dataset(home, file), night)
    assert ask(home, "SELECT reason FROM quarantine") == [("more likes than views",)]


@pytest.mark.parametrize("chunk_rows", [1, 10])
def test_good_counts_of_a_post_do_not_hide_bad_ones_of_the_same_file(
    home: Path, file: Path, chunk_rows: int
):
    key = {"post_id": 5}
    rows = [
        row((-1, *REAL[0][1:]), "a", **key, observed_at="2026-05-01"),
        row(REAL[0], "a", **key, observed_at="2026-05-02"),
    ]
    for each in (rows, rows[::-1]):
        pull_posts.fn(dataset(home, write_csv(file, each), chunk_rows=chunk_rows), NIGHT)
        assert quarantined_keys(home) == ["0_5 counts"]


def test_newer_counts_of_known_posts_are_counted_as_refreshed(home: Path, file: Path):
    write_csv(file, [row(UNKNOWN, "waiting"), row(text="growing"), row(text="same")])
    assert pull_posts.fn(dataset(home, file), NIGHT).refreshed == 0
    write_csv(
        file, [row(text="waiting"), row(REAL[4], "growing"), row(text="same"), row(text="new")]
    )
    counts = pull_posts.fn(dataset(home, file), NEXT_NIGHT)
    assert (counts.seen, counts.new, counts.refreshed, counts.snapshots) == (4, 1, 2, 3)


@pytest.mark.parametrize("harm", ["damaged", "gone"])
def test_a_lost_picture_is_written_again_when_the_source_brings_it(
    home: Path, file: Path, harm: str
):
    settings = dataset(home, write_csv(file, GOOD), PICTURES_ON)
    pull_posts.fn(settings, NIGHT)
    stored = home / "media" / picture_name(picture_hash(jpeg()))
    if harm == "damaged":
        stored.write_bytes(b"no picture")
        with open_warehouse(home / "warehouse.duckdb") as connection:
            write_image_failure(connection, [stored.stem], "lost", "the stored file is damaged")
    else:
        stored.unlink()
    counts = pull_posts.fn(settings, NEXT_NIGHT)
    assert stored.read_bytes() == jpeg()
    assert ask(home, "SELECT status, error FROM images") == [("ok", None)]
    assert counts.bad_pictures == 0


MALFORMED = (
    "",
    "1",
    ",",
    ",,,,,,,,,,,,,,,,,",
    '"',
    '""""',
    "1,1,1,1,1,1,1,1,text",
    "1,1,1,1,1,1,1,1,text,,too,many",
    '1,1,1,1,1,1,1,1,"never closed,',
    '1,1,1,1,1,1,1,1,"closed"badly,',
    "1,1,1,1,1,1,1,1,two\nlines,",
    "many,1,1,1,1,1,1,1,word,",
    "-1,1,1,1,1,1,1,1,negative,",
    "1,2,1,1,1,1,1,1,excess,",
    "1.5,1,1,1,1,1,1,1,fraction,",
    "99999999999999999999999,1,1,1,1,1,1,1,huge,",
    "1,1,1,1,1,1,1,1,nul\0,",
    "1,1,1,1,1,1,1,1,picture,no base64!",
    "1e3,1,1,1,1,1,1,1,exponent,",
    f"1,1,1,1,1,1,1,1,{'я' * 200_000},",
    ",,,,,,,,,",
)
malformed_line = (
    st.sampled_from(MALFORMED)
    | st.text(st.sampled_from('1,"\0ю-. '), max_size=30)
    | st.lists(st.text(max_size=5), min_size=8, max_size=12).map(",".join)
)


@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(lines=st.lists(malformed_line, min_size=20, max_size=20))
@example(lines=list(MALFORMED))
def test_no_malformed_row_stops_a_pull_is_lost_or_harms_the_good_ones(
    tmp_path: Path, empty_warehouse: Path, lines: list[str]
):
    home, path = tmp_path / "home", tmp_path / "malformed.csv"
    home.mkdir(exist_ok=True)
    shutil.copy(empty_warehouse, home / "warehouse.duckdb")
    good = [f'10,1,1,1,1,1,1,1,"good, {number}",' for number in range(len(lines))]
    mixed = [line for pair in zip(lines, good, strict=True) for line in pair]
    path.write_text("\n".join([",".join(COLUMNS), *mixed]), encoding="utf-8", newline="")
    counts = pull_posts.fn(dataset(home, path, PICTURES_ON, chunk_rows=7), NIGHT)
    texts = [text for (text,) in ask(home, "SELECT text FROM posts")]
    complaints = ask(
        home,
        "SELECT key FROM quarantine WHERE key NOT LIKE '% counts' AND key NOT LIKE '% picture'",
    )
    assert {f"good, {number}" for number in range(len(lines))} <= set(texts)
    assert counts.seen == len(texts) + len(complaints)
    blank = sum(line.strip("\r\n") == "" for line in lines)
    assert counts.seen >= len(lines) + len(good) - blank


def test_a_file_that_breaks_off_leaves_whole_chunks_and_is_finished_when_mended(
    home: Path, tmp_path: Path
):
    rows = [row(text=f"{number} {random.randbytes(60).hex()}") for number in range(30_000)]
    file = tmp_path / "posts.csv.gz"
    whole = gzip.compress(write_csv(file, rows).read_bytes())
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="damaged or cut short"):
        pull_posts.fn(dataset(home, file, chunk_rows=1_000), NIGHT)
    ((left_behind, ids),) = ask(home, "SELECT count(*), count(DISTINCT post_id) FROM posts")
    assert 0 < left_behind == ids and left_behind % 1_000 == 0
    file.write_bytes(whole)
    counts = pull_posts.fn(dataset(home, file, chunk_rows=7_000), NEXT_NIGHT)
    assert counts.seen == 30_000
    assert ask(home, "SELECT count(*), count(DISTINCT post_id) FROM posts") == [(30_000, 30_000)]
    assert ask(home, "SELECT count(*) FROM snapshots") == [(30_000,)]


def test_a_source_that_does_not_go_with_the_tagger_is_refused_before_any_work(
    tmp_path: Path, file: Path
):
    home = tmp_path / "new"
    write_csv(file, GOOD)
    with pytest.raises(SettingsError, match="VKFLOW_IMAGES__TAGGER"):
        pull_posts.fn(dataset(home, file, tagger="sample"), NIGHT)
    assert not home.exists()


near_numbers = st.sampled_from(
    ["", " ", "0", "1", "7.0", "7.", "-1", "1e3", "NaN", "null", "9" * 25, "0x1", "+5", "٣", "1,5"]
)
near_times = st.sampled_from(
    ["", "2026-02-30", "2026-05-01", "0001-01-01", "9999-12-31T23:59:59", "1e9", "2026-05-01T25:00"]
) | st.datetimes().map(str)
any_text = st.text(max_size=20)
any_row = st.fixed_dictionaries(
    dict.fromkeys(COLUMNS[:-2], near_numbers | any_text)
    | {"text": any_text, "photo": any_text | st.just(as_base64(jpeg()))}
    | {"published_at": near_times | any_text, "observed_at": near_times | any_text}
    | {"is_ad": st.sampled_from(["", "1", "0", "maybe"]), "repost": near_numbers}
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(any_row, min_size=1, max_size=6), chunk_rows=st.integers(1, 6))
def test_whatever_a_row_says_it_is_stored_or_quarantined(
    tmp_path: Path, empty_warehouse: Path, rows: list[Row], chunk_rows: int
):
    home, path = tmp_path / "home", write_csv(tmp_path / "any.csv", rows)
    home.mkdir(exist_ok=True)
    shutil.copy(empty_warehouse, home / "warehouse.duckdb")
    counts = pull_posts.fn(dataset(home, path, PICTURES_ON, chunk_rows), NIGHT)
    stored = whole_warehouse(home)
    rows_of = [key for _, key, *_ in stored["quarantine"] if not key.endswith(" picture")]
    rejected_posts = {key for key in rows_of if not key.endswith(" counts")}
    rejected_counts = len(rows_of) - len(rejected_posts)
    assert counts.seen == len(rows) == len(stored["posts"]) + len(rejected_posts)
    assert counts.new == len(stored["posts"])
    assert counts.snapshots == len(stored["snapshots"])
    assert counts.quarantined.total() == len(rejected_posts) + rejected_counts
    assert Counter(text for _, _, _, text, *_ in stored["posts"]) <= Counter(
        row["text"] for row in rows
    )


UNTIL = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(60, until=UNTIL, n_owners=5, days=40)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, world: World) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory, world)
    return directory


@pytest.fixture
def sample_settings(home: Path, sample: Path) -> Settings:
    shutil.copytree(sample, home / "sample")
    return load_settings(home=home)


def known_at(world: World, night: datetime) -> tuple[list[Any], list[Any]]:
    posts = world.posts.filter(pl.col("published_at") <= night)
    snapshots = world.snapshots.filter(pl.col("observed_at") <= night)
    return (
        sorted(posts.select("owner_id", "post_id", "published_at", "text", "is_ad").rows()),
        sorted(
            snapshots.select("owner_id", "post_id", "observed_at", "views", "likes", "opens").rows()
        ),
    )


def stored(home: Path) -> tuple[list[Any], list[Any]]:
    return (
        ask(
            home,
            "SELECT owner_id, post_id, published_at, text, is_ad FROM posts "
            "ORDER BY owner_id, post_id",
        ),
        ask(
            home,
            "SELECT owner_id, post_id, observed_at, views, likes, opens FROM snapshots "
            "ORDER BY owner_id, post_id, observed_at",
        ),
    )


def test_a_night_of_the_sample_sees_what_was_there_by_then_and_the_next_only_the_new(
    home: Path, world: World, sample_settings: Settings
):
    nights = [UNTIL - timedelta(days=20), UNTIL - timedelta(days=19), UNTIL]
    seen = (0, 0)
    for night in nights:
        counts = pull_posts.fn(sample_settings, night)
        posts, snapshots = known_at(world, night)
        assert stored(home) == (posts, snapshots)
        assert (counts.new, counts.snapshots) == (len(posts) - seen[0], len(snapshots) - seen[1])
        assert counts.seen == counts.new
        assert (counts.changed, counts.quarantined) == (0, Counter())
        assert (len(posts), len(snapshots)) > seen
        seen = (len(posts), len(snapshots))
    assert seen[0] == 60


def test_a_night_of_the_sample_pulled_twice_changes_nothing(home: Path, sample_settings: Settings):
    pull_posts.fn(sample_settings, UNTIL)
    before = whole_warehouse(home)
    assert pull_posts.fn(sample_settings, UNTIL) == PullCounts()
    assert whole_warehouse(home) == before


def test_an_earlier_night_after_a_later_one_takes_nothing_back(
    home: Path, sample_settings: Settings
):
    pull_posts.fn(sample_settings, UNTIL - timedelta(days=10))
    before = whole_warehouse(home)
    assert pull_posts.fn(sample_settings, UNTIL - timedelta(days=20)) == PullCounts()
    assert whole_warehouse(home) == before


def test_pictures_of_the_sample_are_stored(home: Path, world: World, sample_settings: Settings):
    pull_posts.fn(sample_settings, UNTIL)
    with_picture = world.posts.filter(pl.col("picture_category").is_not_null())
    assert ask(home, "SELECT count(*) FROM posts JOIN images USING (image_hash)") == [
        (len(with_picture),)
    ]
    hashes = ask(home, "SELECT image_hash FROM images WHERE status = 'ok'")
    assert hashes
    assert all((home / "media" / picture_name(image_hash)).is_file() for (image_hash,) in hashes)


def test_without_a_sample_the_remedy_is_named(home: Path):
    with pytest.raises(SourceError, match="vkflow sample"):
        pull_posts.fn(load_settings(home=home), NIGHT)


@pytest.mark.parametrize("chunk_rows", [1, 2, 5_000])
def test_of_counts_of_the_same_moment_the_newest_delivered_count_in_any_chunk(
    home: Path, file: Path, chunk_rows: int, caplog: pytest.LogCaptureFixture
):
    moment = {"owner_id": -1, "post_id": 7, "observed_at": "2026-05-30T00:00:00"}
    write_csv(file, [row(REAL[0], **moment), row(REAL[1], **moment), row(REAL[2], **moment)])
    counts = pull_posts.fn(dataset(home, file, chunk_rows=chunk_rows), NIGHT)
    assert ask(home, "SELECT views, likes FROM snapshots") == [(REAL[2][0], REAL[2][1])]
    assert counts.corrected == 2
    assert "2 counts were given up" in caplog.text


def test_corrected_export_corrects_the_counts_and_says_so(home: Path, file: Path):
    moment = {"owner_id": -1, "post_id": 7, "observed_at": "2026-05-30T00:00:00"}
    pull_posts.fn(dataset(home, write_csv(file, [row(REAL[0], **moment)])), NIGHT)
    corrected = dataset(home, write_csv(file, [row(REAL[1], **moment)]))
    assert pull_posts.fn(corrected, NEXT_NIGHT).corrected == 1
    assert ask(home, "SELECT views, likes FROM snapshots") == [(REAL[1][0], REAL[1][1])]
    again = pull_posts.fn(corrected, NEXT_NIGHT + timedelta(days=1))
    assert (again.corrected, again.snapshots) == (0, 0)
