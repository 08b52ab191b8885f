"""Reading data set files: types, chunks, and one clear error for a file that is none."""

import gzip
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.dataset_files import (
    HEADER,
    NIGHT,
    PNG,
    Row,
    complaints,
    csv_bytes,
    only_chunk,
    read,
    read_path,
    row,
    texts,
    write_some,
)
from vkflow.errors import SettingsError, SourceError
from vkflow.sources.columns import COLUMNS
from vkflow.sources.dataset import csv_file, parquet_file
from vkflow.sources.dataset.source import REQUIRED, DatasetSource
from vkflow.sources.source import (
    PICTURES_SCHEMA,
    POSTS_SCHEMA,
    REJECTED_SCHEMA,
    SNAPSHOTS_SCHEMA,
)

MOSCOW = timezone(timedelta(hours=3))


def test_chunks_have_the_columns_and_types_of_every_source(file: Path):
    file.write_bytes(csv_bytes([row(photo="AAAA"), row(view="many")]))
    chunk = only_chunk(file)
    assert dict(chunk.posts.schema) == dict(POSTS_SCHEMA)
    assert dict(chunk.snapshots.schema) == dict(SNAPSHOTS_SCHEMA)
    assert dict(chunk.pictures.schema) == dict(PICTURES_SCHEMA)
    assert dict(chunk.rejected.schema) == dict(REJECTED_SCHEMA)
    assert chunk.watermark is None


@pytest.mark.parametrize("host", ["", "localhost"])
def test_a_file_given_as_a_url_is_read_where_it_lies(tmp_path: Path, host: str):
    (tmp_path / "мои посты.csv").write_bytes(csv_bytes([row(text="Привет")]))
    address = f"file://{host}{tmp_path}/{quote('мои посты.csv')}"
    (chunk,) = DatasetSource(address, tmp_path / "downloads").fetch(None, datetime.now(UTC))
    assert chunk.posts["text"].to_list() == ["Привет"]
    assert not (tmp_path / "downloads").exists()


def test_a_file_is_read_in_chunks_and_every_row_once(file: Path):
    file.write_bytes(csv_bytes(row(text=f"text {number}") for number in range(10)))
    chunks = read(file, chunk_rows=4)
    assert [len(chunk.posts) for chunk in chunks] == [4, 4, 2]
    texts = pl.concat(chunk.posts for chunk in chunks)["text"].to_list()
    assert texts == [f"text {number}" for number in range(10)]


def test_a_large_file_is_read_in_its_order(file: Path):
    """Polars reads parts of a large file at the same time."""
    rows = 60_000
    file.write_bytes(HEADER + b"".join(b"9,1,1,1,1,1,1,1,%d,\n" % number for number in range(rows)))
    chunks = read(file, chunk_rows=7_000)
    assert all(len(chunk.posts) <= 7_000 for chunk in chunks)
    texts = pl.concat(chunk.posts for chunk in chunks)["text"]
    assert texts.cast(pl.Int64).to_list() == list(range(rows))


def test_a_zipped_csv_is_read(tmp_path: Path):
    path = tmp_path / "posts.csv.gz"
    path.write_bytes(gzip.compress(csv_bytes([row(text="zipped")])))
    assert only_chunk(path).posts["text"].to_list() == ["zipped"]


def test_a_csv_with_a_byte_order_mark_is_read(file: Path):
    file.write_bytes(b"\xef\xbb\xbf" + csv_bytes([row(text="из Excel")]))
    assert only_chunk(file).posts["text"].to_list() == ["из Excel"]


def test_a_parquet_file_is_known_by_its_content_not_its_name(file: Path):
    pl.DataFrame([row(text="parquet")]).write_parquet(file)
    assert only_chunk(file).posts["text"].to_list() == ["parquet"]


def test_columns_may_come_in_any_order_and_with_others_between(file: Path):
    columns = ["text", "note", *[name for name in reversed(REQUIRED) if name != "text"]]
    file.write_bytes(csv_bytes([{name: row(note="x", like=7)[name] for name in columns}]))
    chunk = only_chunk(file)
    assert chunk.snapshots.select("views", "likes", "comments").rows() == [(10, 7, 1)]


@pytest.mark.parametrize(
    "types",
    [pl.Int64, pl.Int32, pl.UInt16, pl.Float64, pl.Float32, pl.String],
    ids=str,
)
def test_parquet_counts_may_have_any_numeric_type(tmp_path: Path, types: Any):
    path = tmp_path / "posts.parquet"
    frame = pl.DataFrame([row(view=65_138, like=0), row(view=None, like=3)])
    frame.cast({"view": types, "like": types}).write_parquet(path)
    assert only_chunk(path).snapshots.select("views", "likes").rows() == [(65_138, 0), (None, 3)]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Moscow"])
def test_parquet_times_of_any_unit_and_zone_are_understood(
    tmp_path: Path, unit: Any, zone: str | None
):
    path = tmp_path / "posts.parquet"
    moment = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    shown = moment if zone else moment.replace(tzinfo=None)
    times = pl.Series("published_at", [shown]).dt.cast_time_unit(unit)
    if zone:
        times = times.dt.convert_time_zone(zone)
    pl.DataFrame([row(is_ad=True)]).with_columns(times).write_parquet(path)
    assert only_chunk(path).posts.select("published_at", "is_ad").rows() == [(moment, True)]


def test_parquet_dates_are_midnights(tmp_path: Path):
    path = tmp_path / "posts.parquet"
    frame = pl.DataFrame([row(published_at=datetime(2026, 5, 1).date())])
    frame.write_parquet(path)
    assert only_chunk(path).posts["published_at"].to_list() == [datetime(2026, 5, 1, tzinfo=UTC)]


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-01T09:30:15Z",
        "2026-05-01T12:30:15+03:00",
        "2026-05-01 12:30:15+0300",
        "2026-05-01 09:30:15",
        "2026-05-01T09:30:15.000000",
        " 2026-05-01T09:30:15 ",
    ],
)
def test_times_are_iso_8601_and_utc_where_no_zone_is_given(file: Path, text: str):
    file.write_bytes(csv_bytes([row(published_at=text)]))
    expected = datetime(2026, 5, 1, 12, 30, 15, tzinfo=MOSCOW)
    assert only_chunk(file).posts["published_at"].to_list() == [expected]


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        *((text, True) for text in ("1", "true", "TRUE", "Yes", "1.0")),
        *((text, False) for text in ("0", "false", "False", "no", "0.0")),
        ("", None),
    ],
)
def test_adverts_are_marked_in_many_ways(file: Path, text: str, truth: bool | None):
    file.write_bytes(csv_bytes([row(is_ad=text)]))
    assert only_chunk(file).posts["is_ad"].to_list() == [truth]


@pytest.mark.parametrize("number", [" 12 ", "12.0", "12.", "12.000", "+12"])
def test_whole_numbers_come_in_many_forms(file: Path, number: str):
    file.write_bytes(csv_bytes([row(view=number)]))
    assert only_chunk(file).snapshots["views"].to_list() == [12]


def test_pictures_are_decoded_and_empty_ones_are_none(file: Path):
    file.write_bytes(csv_bytes([row(photo="Y2F0"), row(photo=""), row(photo="no base64!")]))
    assert only_chunk(file).pictures["content"].to_list() == [b"cat", b"no base64!"]


@pytest.mark.parametrize("column", REQUIRED)
def test_a_missing_column_is_named(file: Path, column: str):
    values = row()
    del values[column]
    file.write_bytes(csv_bytes([values]))
    with pytest.raises(SourceError, match=rf"posts.csv lacks the columns {column}; it has "):
        read(file)


def test_all_missing_columns_are_named_at_once(file: Path):
    file.write_bytes(b"text;photo\na;b\n")
    missing = "view, like, comment, share_to_message, hide, expand, open_photo, open"
    with pytest.raises(SourceError, match=rf"lacks the columns {missing}; it has text, photo"):
        read(file)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("posts.csv", b"", "is empty"),
        ("posts.csv", b"\n\n", "is empty"),
        ("posts.csv", HEADER, "has a header but no rows"),
        ("posts.csv", PNG, "is neither CSV nor Parquet"),
        ("posts.csv", bytes(range(256)) * 20, "is neither CSV nor Parquet"),
        ("posts.csv", b"PK\3\4 posts", "is a ZIP archive; unpack it"),
        ("posts.csv.gz", gzip.compress(HEADER + bytes(500))[:-9], "is damaged or cut short"),
        ("posts.csv.gz", b"\x1f\x8b no gzip", "is damaged or cut short"),
        ("posts.csv", HEADER.rstrip() + b",view\r\n", "has the column view twice"),
        ("posts.parquet", b"hello, world", "is neither CSV nor Parquet"),
        ("posts.parquet", b"", "is empty|is neither CSV nor Parquet"),
        ("posts.parquet", b"PAR1" + bytes(100), "is neither CSV nor Parquet"),
    ],
    ids=[
        "empty",
        "blank lines",
        "header only",
        "png",
        "bytes",
        "zip",
        "gzip cut short",
        "no gzip",
        "a column twice",
        "text as parquet",
        "empty parquet",
        "damaged parquet",
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(
    tmp_path: Path, name: str, content: bytes, message: str
):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as raised:
        read(path)
    said = str(raised.value)
    assert said.startswith(str(path))
    assert "\n" not in said and len(said) < len(str(path)) + 400


@pytest.mark.parametrize("name", ["nowhere.csv", "nowhere.parquet", "*.csv"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str):
    with pytest.raises(SourceError) as raised:
        read(tmp_path / name)
    assert str(raised.value) == f"there is no file {tmp_path / name}"


@pytest.mark.parametrize("name", ["я" * 200, "{" * 300 + "*.csv"])
def test_a_name_longer_than_any_file_has_is_one_short_sentence(tmp_path: Path, name: str):
    with pytest.raises(SourceError, match="cannot be read: File name too long") as raised:
        read(tmp_path / name)
    assert len(str(raised.value)) < 300


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(file: Path):
    file.write_bytes(csv_bytes([row()]))
    file.chmod(0)
    with pytest.raises(SourceError, match=f"{file} cannot be opened: Permission denied"):
        read(file)


def test_blank_lines_are_no_rows_but_empty_rows_are(file: Path):
    file.write_bytes(b"\n\r\n" + csv_bytes([row()]) + b"\n\r\n" + b"," * 9 + b"\n\n")
    chunk = only_chunk(file)
    assert chunk.posts["text"].to_list() == ["cat"]
    assert chunk.rejected.select("key", "reason").rows() == [
        ("posts.csv row 2", "the row is empty")
    ]
    assert chunk.seen == 2


cells = st.text(max_size=12) | st.sampled_from(["", "1", "-1", "1.0", "2026-05-01", "a,b", '"'])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, cells)), min_size=1),
    chunk_rows=st.integers(1, 5),
)
def test_whatever_the_cells_say_no_row_is_lost_and_texts_stay_as_they_are(
    tmp_path: Path, rows: list[Row], chunk_rows: int
):
    for number, values in enumerate(rows):
        values["post_id"] = number
        values["owner_id"] = ""
    path = tmp_path / "any.csv"
    path.write_bytes(csv_bytes(rows))
    chunks = read(path, chunk_rows)
    texts = {
        (owner_id, post_id): text
        for chunk in chunks
        for owner_id, post_id, text in chunk.posts.select("owner_id", "post_id", "text").rows()
    }
    rejected = [key for chunk in chunks for key in chunk.rejected["key"] if "counts" not in key]
    assert sum(chunk.seen or 0 for chunk in chunks) == len(rows)
    assert len(texts) + len(rejected) == len(rows)
    assert {post_id: text for (_, post_id), text in texts.items()}.items() <= {
        number: values["text"] for number, values in enumerate(rows)
    }.items()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_windows_1251_is_read_and_said(
    file: Path, separator: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO")
    content = csv_bytes([row(text="Съешь ещё этих мягких булок")]).decode()
    file.write_bytes(content.replace(",", separator).encode("cp1251"))
    assert texts(read(file)) == ["Съешь ещё этих мягких булок"]
    assert caplog.text.count(f"{file} is encoded in Windows-1251") == 1


def test_columns_may_have_other_names_or_be_left_out_on_purpose(file: Path):
    values = row(text="cat", photo="Y2F0", expand=5)
    values["message"] = values.pop("text")
    del values["photo"]
    file.write_bytes(csv_bytes([values]))
    (chunk,) = read_path(file, columns={"text": "message", "photo": "", "expand": ""})
    assert texts([chunk]) == ["cat"]
    assert chunk.pictures.is_empty()
    assert chunk.snapshots["expands"].to_list() == [None]
    with pytest.raises(SourceError, match="lacks the columns picture; it has view"):
        read_path(file, columns={"text": "message", "photo": "picture"})


def test_a_name_for_a_column_there_is_no_use_for_is_refused():
    with pytest.raises(SettingsError, match=r"dataset\.columns: there is no column txt; known: vi"):
        DatasetSource("posts.csv", Path("downloads"), {"txt": "text"})


def test_parquet_pictures_may_be_bytes(tmp_path: Path):
    path = tmp_path / "posts.parquet"
    pl.DataFrame([row(photo=b"cat"), row(photo=None)]).write_parquet(path)
    (chunk,) = read_path(path)
    assert chunk.pictures["content"].to_list() == [b"cat"]


def test_chunks_end_early_where_pictures_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = [row(text=str(number), photo=os.urandom(500).hex()) for number in range(100)]
    (tmp_path / "posts.csv").write_bytes(csv_bytes(rows))
    pl.DataFrame(rows).write_parquet(tmp_path / "posts.parquet", compression="uncompressed")
    monkeypatch.setattr(csv_file, "CHUNK_CHARACTERS", 20_000)
    monkeypatch.setattr(parquet_file, "CHUNK_BYTES", 20_000)
    for path in tmp_path.iterdir():
        chunks = read_path(path)
        assert len(chunks) > 4
        assert texts(chunks) == [str(number) for number in range(100)]


def test_rows_are_called_by_their_ids_and_without_readable_ones_by_their_number(file: Path):
    rows = [
        row(post_id=1, published_at="never"),
        row(post_id="x", published_at="never"),
        row(post_id="", published_at="never"),
        row(post_id=4, like="many", published_at=""),
        row(post_id="", like="many", published_at=""),
    ]
    file.write_bytes(csv_bytes(rows))
    chunk = only_chunk(file)
    assert complaints(chunk)[:-1] == [
        ("0_1", "published_at is not a time"),
        ("posts.csv row 2", "post_id is not a whole number"),
        ("posts.csv row 3", "published_at is not a time"),
        ("0_4 counts", "like is not a whole number"),
    ]
    own, made = chunk.posts["post_id"]
    assert (own, complaints(chunk)[-1][0]) == (4, f"0_{made} counts")
    assert chunk.names.rows() == [(0, made, "posts.csv row 5")]
    assert chunk.reread == "posts.csv row "


def test_damaged_lines_are_rejected_between_good_ones(file: Path):
    file.write_bytes(csv_bytes([row()]) + b"1,2\n" + b"1," * 20 + b"\n" + csv_bytes([row()])[-20:])
    chunk = only_chunk(file)
    assert complaints(chunk)[:2] == [
        ("posts.csv row 2", "the row has fewer fields than the header"),
        ("posts.csv row 3", "the row has more fields than the header"),
    ]
    assert chunk.rejected["payload"].to_list()[0] == "1,2\n"


def test_undated_counts_of_a_post_that_comes_again_are_rejected_in_any_chunk(file: Path):
    rows = [row(post_id=1, view=10), row(post_id=2, view=10), row(post_id=1, view=20)]
    file.write_bytes(csv_bytes(rows))
    for chunk_rows in (1, 2, 10):
        chunks = read(file, chunk_rows)
        views = pl.concat(chunk.snapshots for chunk in chunks).select("post_id", "views").rows()
        assert sorted(views) == [(1, 10), (2, 10)]
        (complaint,) = [each for chunk in chunks for each in complaints(chunk)]
        assert complaint[0] == "0_1 counts" and "comes again" in complaint[1]


def test_posts_without_counts_void_what_was_said_of_their_counts(file: Path):
    file.write_bytes(csv_bytes([dict.fromkeys(REQUIRED, "") | {"text": "cat", "post_id": 5}]))
    assert only_chunk(file).mended == ("0_5 counts",)


def test_a_description_says_what_would_be_read(tmp_path: Path):
    write_some(tmp_path)
    found = DatasetSource(str(tmp_path), tmp_path / "downloads").describe()
    assert "3 files (csv, gzip, parquet)" in found
    with pytest.raises(SourceError, match="there is no file"):
        DatasetSource(str(tmp_path / "nothing"), tmp_path / "downloads").describe()


def test_encoding_can_be_stated(file: Path):
    file.write_bytes(csv_bytes([row(text="Съешь ещё этих мягких булок")]).decode().encode("koi8-r"))
    (chunk,) = DatasetSource(str(file), file.parent, encoding="KOI8-R").fetch(None, NIGHT)
    assert chunk.posts["text"].to_list() == ["Съешь ещё этих мягких булок"]


@pytest.mark.parametrize("name", ["posts.csv", "posts.parquet"])
def test_secret_a_link_leads_to_is_not_quoted(tmp_path: Path, name: str):
    secret = tmp_path / "secret"
    if name.endswith("csv"):
        secret.write_text("PASSWORD=hunter2,SALT=pepper\nmore\n")
    else:
        pl.DataFrame({"hunter2": [1]}).write_parquet(secret)
    (tmp_path / name).symlink_to(secret)
    with pytest.raises(SourceError) as error:
        read(tmp_path / name)
    assert "hunter2" not in str(error.value) and "no file of posts" in str(error.value)
