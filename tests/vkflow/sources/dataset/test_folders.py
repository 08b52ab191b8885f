"""Several files at once, good and bad ones."""

import gzip
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.fakes.dataset_files import (
    HEADER,
    PNG,
    csv_bytes,
    read,
    read_named,
    read_path,
    rejections,
    row,
    texts,
    write_some,
)
from vkflow.errors import SourceError


def test_a_folder_without_posts_says_what_it_looked_for(tmp_path: Path):
    with pytest.raises(SourceError, match=r"no file in .* ending in \.csv, \.csv\.gz, \.parquet"):
        read(tmp_path)


def test_a_folder_is_all_its_files_by_name(tmp_path: Path):
    write_some(tmp_path)
    assert texts(read_path(tmp_path)) == ["one", "two", "three"]


def test_a_pattern_is_all_files_it_matches(tmp_path: Path):
    write_some(tmp_path)
    assert texts(read_path(tmp_path / "*.csv*")) == ["one", "two"]


def test_the_same_row_in_two_files_is_one_post_and_in_one_file_two(tmp_path: Path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(csv_bytes([row(), row()]))
    ids = [chunk.posts["post_id"].to_list() for chunk in read_path(tmp_path)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


BAD: dict[str, Any] = {
    "damaged": lambda file: file.write_bytes(gzip.compress(csv_bytes([row()] * 99))[:-20]),
    "empty": lambda file: file.write_bytes(b""),
    "no posts": lambda file: file.write_bytes(b"a,b\n1,2\n"),
    "parquet": lambda file: file.write_bytes(b"PAR1" + bytes(100)),
    "link": lambda file: file.symlink_to("/nowhere/at/all"),
    "folder": lambda file: file.mkdir(),
    "pipe": lambda file: os.mkfifo(file),
    "loop": lambda file: file.symlink_to(file),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("by_pattern", [False, True])
def test_one_bad_file_costs_itself_only(
    tmp_path: Path, bad: str, by_pattern: bool, caplog: pytest.LogCaptureFixture
):
    for name in ("a.csv", "c.csv"):
        (tmp_path / name).write_bytes(csv_bytes([row(text=name)]))
    BAD[bad](tmp_path / "b.csv")
    chunks = read_named(tmp_path / "*.csv" if by_pattern else tmp_path)
    assert [text for chunk in chunks for text in chunk.posts["text"]] == ["a.csv", "c.csv"]
    assert list(rejections(chunks)) == ["file b.csv"]
    assert "left out: " in caplog.text and "b.csv" in caplog.text


@pytest.mark.parametrize("with_header_only", [False, True], ids=["all", "and one without rows"])
def test_folder_without_rows_names_the_files_that_cannot_be_read(
    tmp_path: Path, with_header_only: bool
):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.csv").write_bytes(PNG)
    (folder / "b.parquet").write_bytes(b"PAR1" + bytes(100))
    (folder / "c.csv").mkdir()
    if with_header_only:
        (folder / "d.csv").write_bytes(HEADER)
    with pytest.raises(
        SourceError, match=r"files gave no rows: a\.csv, b\.parquet, c\.csv cannot be read"
    ) as raised:
        read_named(folder)
    assert "header" not in str(raised.value)


def test_file_that_can_be_read_again_leaves_the_quarantine(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(csv_bytes([row()]))
    (chunk,) = read_named(tmp_path)
    assert "file a.csv" in chunk.mended


def test_names_in_capitals_and_tsv_are_read_and_the_rest_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    for name in ("A.CSV", "b.Tsv", "c.tsv.gz"):
        content = csv_bytes([row(text=name)])
        content = content if name == "A.CSV" else content.replace(b",", b"\t")
        content = gzip.compress(content) if name.endswith("gz") else content
        (tmp_path / name).write_bytes(content)
    pl.DataFrame([row(text="D.PARQUET")]).write_parquet(tmp_path / "D.PARQUET")
    (tmp_path / "2026").mkdir()
    (tmp_path / "notes\x1b[31m.txt").write_text("x")
    read_texts = [text for chunk in read_named(tmp_path) for text in chunk.posts["text"]]
    assert sorted(read_texts) == ["A.CSV", "D.PARQUET", "b.Tsv", "c.tsv.gz"]
    assert "not read" in caplog.text and "2026/" in caplog.text
    assert "notes\\x1b[31m.txt" in caplog.text and "\x1b" not in caplog.text


@pytest.mark.timeout(20)
def test_pipe_is_refused_at_once(tmp_path: Path):
    os.mkfifo(tmp_path / "posts.csv")
    with pytest.raises(SourceError, match="no regular file"):
        read(tmp_path / "posts.csv")


def test_equal_post_ids_of_two_files_without_owners_do_not_overwrite_each_other(tmp_path: Path):
    (tmp_path / "a.csv").write_bytes(csv_bytes([row(post_id=1, text="cat"), row(post_id=2)]))
    (tmp_path / "b.csv").write_bytes(
        csv_bytes([row(post_id=1, text="dog"), row(post_id=2), row(post_id=3, text="fox")])
    )
    chunks = read_named(tmp_path)
    assert [chunk.posts.select("post_id", "text").rows() for chunk in chunks] == [
        [(1, "cat"), (2, "cat")],
        [(2, "cat"), (3, "fox")],
    ]
    assert chunks[1].snapshots["post_id"].to_list() == [2, 3]
    assert rejections(chunks) == {
        "b.csv row of post 1": "a.csv has another post 1, and neither says whose it is: "
        "add owner_id"
    }


def test_a_copy_of_a_file_without_owners_has_its_edits_too(tmp_path: Path):
    edited = [row(post_id=1, text=text, observed_at=f"2026-05-0{text}") for text in "12"]
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(csv_bytes(edited))
    chunks = read_path(tmp_path)
    assert texts(chunks) == ["1", "2", "1", "2"] and not rejections(chunks)


def test_equal_post_ids_of_two_owners_are_fine(tmp_path: Path):
    for owner, name in ((-1, "a.csv"), (-2, "b.csv")):
        (tmp_path / name).write_bytes(csv_bytes([row(post_id=1, owner_id=owner, text=name)]))
    chunks = read_named(tmp_path)
    assert sum(len(chunk.posts) for chunk in chunks) == 2
    assert rejections(chunks) == {}
