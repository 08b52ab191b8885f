"""Rows that cannot be right: each is in quarantine with its reason, and harms no other."""

import shutil
import struct
import zlib
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tasks.pull_counts import PullCounts
from tasks.pulling import pull_posts
from tests.fakes.pulled_files import (
    COLUMNS,
    NEXT_NIGHT,
    NIGHT,
    PICTURES_ON,
    REAL,
    UNKNOWN,
    Row,
    as_base64,
    ask,
    dataset,
    jpeg,
    row,
    whole_warehouse,
    write_csv,
)


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
