"""Parquet files with what their types do not promise."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vkflow.errors import SourceError
from vkflow.sources.dataset import parquet_file
from vkflow.sources.dataset.source import REQUIRED, DatasetSource
from vkflow.sources.source import Chunk

NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
COUNTS = [name for name in REQUIRED if name not in ("text", "photo")]


def write(path: Path, n_rows: int, **columns: pa.Array) -> Path:
    table = {name: pa.array([1] * n_rows) for name in COUNTS}
    table |= {name: pa.array([""] * n_rows) for name in ("text", "photo")}
    pq.write_table(pa.table(table | columns), path)
    return path


def read(path: Path) -> list[Chunk]:
    return list(DatasetSource(str(path), path.parent / "downloads").fetch(None, NIGHT))


def not_utf_8(*values: bytes) -> pa.Array:
    """A string column whose writer did not look."""
    ends = np.cumsum([0, *map(len, values)]).astype(np.int32)
    buffers = (None, pa.py_buffer(ends), pa.py_buffer(b"".join(values)))
    return pa.StringArray.from_buffers(len(values), buffers[1], buffers[2])


@pytest.mark.parametrize("as_dictionary", [False, True])
def test_text_that_is_no_utf_8_costs_its_row_only(tmp_path: Path, as_dictionary: bool) -> None:
    texts = not_utf_8("кот".encode(), b"\xff\xfe cat", b"")
    if as_dictionary:
        texts = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), texts)
    (chunk,) = read(write(tmp_path / "posts.parquet", 3, text=texts, post_id=pa.array([1, 2, 3])))
    assert sorted(chunk.posts["text"]) == ["", "кот"]
    assert chunk.seen == 3
    [(key, reason, payload)] = chunk.rejected.rows()
    assert (key, reason) == (
        "posts.parquet row 2", "the row has bytes that are no UTF-8, in text"
    )  # fmt: skip
    assert '"post_id": "2"' in payload


def test_numbers_wider_than_any_count_cost_their_counts_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    views = pa.array([10**50, 7], pa.decimal256(60, 0))
    file = write(tmp_path / "posts.parquet", 2, view=views, post_id=pa.array([1, 2]))
    (chunk,) = read(file)
    assert chunk.snapshots["views"].to_list() == [7]
    assert chunk.rejected["key"].to_list() == ["0_1 counts"]
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(12)], ids=str)
def test_bytes_are_text_in_utf_8(tmp_path: Path, kind: pa.DataType) -> None:
    texts = pa.array(["Привет".encode()], type=kind)
    (chunk,) = read(write(tmp_path / "posts.parquet", 1, text=texts))
    assert chunk.posts["text"].to_list() == ["Привет"]


def test_numbers_written_as_bytes_are_numbers(tmp_path: Path) -> None:
    (chunk,) = read(write(tmp_path / "posts.parquet", 1, view=pa.array([b"12"])))
    assert chunk.snapshots["views"].to_list() == [12]


def test_pictures_are_bytes_or_base64(tmp_path: Path) -> None:
    for photo in (pa.array([b"\xff\xd8\xff"]), pa.array(["/9j/"])):
        (chunk,) = read(write(tmp_path / "posts.parquet", 1, photo=photo))
        assert chunk.pictures["content"].to_list() == [b"\xff\xd8\xff"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["a", "b"]]),
        pa.array([{"a": 1}]),
        pa.array([timedelta(1)]),
        pa.array([[("a", 1)]], type=pa.map_(pa.string(), pa.int64())),
    ],
    ids=lambda column: str(column.type),
)
def test_column_of_lists_is_named_with_its_type(tmp_path: Path, column: pa.Array) -> None:
    file = write(tmp_path / "posts.parquet", 1, text=column)
    with pytest.raises(SourceError) as error:
        read(file)
    assert f"the column text has values of the type {str(column.type)[:3]}" in str(error.value)
    assert "write it as text" in str(error.value)


def test_long_texts_of_a_small_file_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    long = pa.array(["x" * 200_000, "y" * 200_000])
    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 1_000), long)
    file = write(tmp_path / "posts.parquet", 2_000, text=texts, post_id=pa.array(range(2_000)))
    assert file.stat().st_size < 100_000
    process = psutil.Process()
    before, most, posts = process.memory_info().rss, 0, 0
    for chunk in DatasetSource(str(file), tmp_path).fetch(None, NIGHT):
        assert chunk.posts["text"].str.len_bytes().sum() <= parquet_file.CHUNK_BYTES
        posts += len(chunk.posts)
        most = max(most, process.memory_info().rss - before)
    assert posts == 2_000
    assert most < 400 * 2**20
    assert pl.read_parquet(file).height == 2_000


def test_rows_longer_than_any_post_are_not_written_out(tmp_path: Path) -> None:
    texts = pa.DictionaryArray.from_arrays(
        pa.array([0, 1, 0] * 500), pa.array(["x" * 20_000_000, "cat"])
    )
    file = write(tmp_path / "posts.parquet", 1_500, text=texts, post_id=pa.array(range(1_500)))
    began = time.process_time()
    chunks = read(file)
    assert time.process_time() - began < 20  # 20 GB of text would take longer
    assert sum(len(chunk.posts) for chunk in chunks) == 500
    rejected = pl.concat([chunk.rejected for chunk in chunks])
    assert rejected["key"][:3].to_list() == [f"posts.parquet row {row}" for row in (1, 3, 4)]
    assert set(rejected["reason"]) == {"the row is longer than any post"}
    assert len(rejected) == 1_000 == sum(chunk.seen for chunk in chunks) - 500


def test_row_groups_of_a_row_each_are_read_together(tmp_path: Path) -> None:
    file = write(tmp_path / "posts.parquet", 300, post_id=pa.array(range(300)))
    texts = pa.array([f"text {number % 7}" for number in range(300)])
    table = pq.read_table(file)
    pq.write_table(table.set_column(table.column_names.index("text"), "text", texts), file, 1)
    [chunk] = read(file)
    assert chunk.posts["text"].to_list() == texts.to_pylist()
    assert chunk.posts["post_id"].to_list() == list(range(300))


@pytest.mark.parametrize(
    ("kind", "odd", "even"),
    [
        (pa.timestamp("s"), 2**50, 1_767_225_600),
        (pa.timestamp("ms", "UTC"), -(2**62), 1_767_225_600_000),
        (pa.timestamp("us"), 2**62, 1_767_225_600_000_000),
        (pa.date32(), 2**31 - 1, 20_454),
        (pa.date64(), 2**56 // 86_400_000 * 86_400_000, 1_767_225_600_000),
    ],
    ids=str,
)
def test_time_of_no_calendar_costs_its_row_only(
    tmp_path: Path, kind: pa.DataType, odd: int, even: int
) -> None:
    number = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    times = pa.array([odd, even, None], number).cast(kind)
    [chunk] = read(write(tmp_path / "posts.parquet", 3, published_at=times))
    assert chunk.posts["published_at"].to_list() == [datetime(2026, 1, 1, tzinfo=UTC), None]
    assert chunk.rejected["reason"].to_list() == ["published_at is not a time"]
