"""Parts appear whole, are named by what they are, and lie in a folder or behind a URL."""

import os
from collections.abc import Callable
from pathlib import Path

import fsspec
import polars as pl
import pytest

from vkflow.engines.parts import PartFolder, part_name
from vkflow.errors import SettingsError

ROWS = pl.DataFrame({"key": ["a", "b"], "vector": [[0.1, float("nan")], None]})


@pytest.fixture(params=["folder", "memory"])
def parts(request: pytest.FixtureRequest, tmp_path):
    """A folder, and an object store: fsspec's in memory puts a file in one step, too."""
    if request.param == "folder":
        yield PartFolder(str(tmp_path / "parts"))
        return
    yield PartFolder("memory://bucket/parts")
    fsspec.filesystem("memory").store.clear()


def test_a_part_comes_back_as_it_went(parts: PartFolder) -> None:
    assert parts.names() == []
    parts.write_work("one", ROWS)
    assert parts.read_work("one").equals(ROWS, null_equal=True)
    assert not parts.has_result("one")
    parts.write_result("one", ROWS.head(1))
    assert parts.has_result("one") and parts.read_result("one").equals(ROWS.head(1))
    assert parts.names() == ["one"]


def test_a_removed_part_leaves_nothing(parts: PartFolder) -> None:
    for name in ("one", "two"):
        parts.write_work(name, ROWS)
        parts.write_result(name, ROWS)
        parts.note_try(name)
    parts.remove("one")
    assert parts.names() == ["two"]
    assert not parts.has_result("one")
    parts.remove("one")


def test_tries_are_counted_until_they_are_forgotten(parts: PartFolder) -> None:
    assert [parts.note_try("one") for _ in range(3)] == [1, 2, 3]
    assert parts.note_try("two") == 1
    parts.forget_tries("one")
    parts.forget_tries("one")
    assert parts.note_try("one") == 1


def test_a_part_is_named_by_its_keys() -> None:
    name = part_name(ROWS, ("key",), "encoder")
    assert name == part_name(ROWS.with_columns(vector=pl.lit(None)), ("key",), "encoder")
    assert name != part_name(ROWS.reverse(), ("key",), "encoder")
    assert name != part_name(ROWS, ("key",), "another"), "its part is noted, too"
    assert len(name) == 24


def test_a_half_written_file_is_no_part(tmp_path) -> None:
    parts = PartFolder(str(tmp_path))
    (tmp_path / ".one.work.parquet.123").write_bytes(b"half")
    assert parts.names() == []
    parts.write_work("one", ROWS)
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith(".")] == [
        "one.work.parquet"
    ]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nowhere://bucket", "setting parts: Protocol not known: nowhere"),
        ("abfs://bucket", "needs a package that is not installed"),
    ],
)
def test_a_url_nobody_can_reach_is_told_with_the_setting(url: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        PartFolder(url).names()


@pytest.mark.parametrize("kind", ["work.parquet", "result.parquet", "tries"])
@pytest.mark.parametrize(
    "make",
    [
        Path.mkdir,
        os.mkfifo,
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to("lost"),
    ],
    ids=["folder", "pipe", "link to a secret", "link to nowhere"],
)
def test_what_is_no_file_is_never_opened_but_named(
    tmp_path: Path, kind: str, make: Callable[[Path], None]
) -> None:
    parts = PartFolder(str(tmp_path))
    parts.write_work("one", ROWS)
    odd = tmp_path / f"one.{kind}"
    odd.unlink(missing_ok=True)
    make(odd)
    with pytest.raises(SettingsError, match=f"{odd} is no file that vkflow has made"):
        parts.names()
        parts.count_rows("one")
        parts.note_try("one")


@pytest.mark.parametrize("noted", ["", "garbage", "9" * 5_000, "-1"])
def test_tries_that_cannot_be_read_count_as_one(tmp_path: Path, noted: str) -> None:
    (tmp_path / "one.tries").write_text(noted)
    assert PartFolder(str(tmp_path)).note_try("one") == 2
