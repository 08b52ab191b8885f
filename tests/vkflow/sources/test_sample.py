"""The sample as a source: what was there by a night, in chunks, and a watermark."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from vkflow.errors import SourceError
from vkflow.sources import sample
from vkflow.sources.sample import SampleSource
from vkflow.sources.source import PICTURES_SCHEMA, POSTS_SCHEMA, SNAPSHOTS_SCHEMA, Chunk

START = datetime(2026, 5, 1, tzinfo=UTC)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Posts of days 0 to 4, each observed one and two days later; odd ones have a picture."""
    posts = pl.DataFrame(
        [(-1, number, day(number), None, f"text {number}", False) for number in range(5)],
        schema=dict(POSTS_SCHEMA),
        orient="row",
    )
    snapshots = pl.DataFrame(
        [
            {"owner_id": -1, "post_id": number, "observed_at": day(number + age), "views": 10 * age}
            for number in range(5)
            for age in (1, 2)
        ],
        schema=dict(SNAPSHOTS_SCHEMA),
    )
    pictures = pl.DataFrame(
        [(-1, number, b"picture") for number in (1, 3)],
        schema=dict(PICTURES_SCHEMA),
        orient="row",
    )
    for name, frame in {"posts": posts, "snapshots": snapshots, "pictures": pictures}.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    (tmp_path / "world.json").write_text("{}")
    return tmp_path


def ids(chunks: list[Chunk], part: str) -> list[int]:
    return [post_id for chunk in chunks for post_id in getattr(chunk, part)["post_id"]]


def fetch(directory: Path, since: str | None, as_of: datetime) -> list[Chunk]:
    return list(SampleSource(directory).fetch(since, as_of))


def test_the_first_night_has_everything_until_then_in_order(directory: Path):
    chunks = fetch(directory, None, day(2))
    assert ids(chunks, "posts") == [0, 1, 2]
    assert ids(chunks, "pictures") == [1]
    snapshots = pl.concat(chunk.snapshots for chunk in chunks)
    assert sorted(snapshots.select("post_id", "observed_at", "views").rows()) == [
        (0, day(1), 10),
        (0, day(2), 20),
        (1, day(2), 10),
    ]


def test_the_next_night_has_only_what_is_new(directory: Path):
    watermark = fetch(directory, None, day(2))[-1].watermark
    chunks = fetch(directory, watermark, day(3))
    assert ids(chunks, "posts") == [3]
    assert ids(chunks, "pictures") == [3]
    assert sorted(ids(chunks, "snapshots")) == [1, 2]


def test_the_watermark_comes_last_and_never_goes_back(directory: Path):
    chunks = fetch(directory, None, day(3))
    assert [chunk.watermark for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1].watermark == day(3).isoformat()
    earlier = fetch(directory, day(3).isoformat(), day(1))
    assert [(chunk.watermark, len(chunk.posts)) for chunk in earlier] == [(day(3).isoformat(), 0)]


def test_chunks_are_small_and_pictures_come_with_their_posts(
    directory: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sample, "CHUNK_POSTS", 2)
    monkeypatch.setattr(sample, "CHUNK_SNAPSHOTS", 4)
    chunks = fetch(directory, None, day(9))
    assert [chunk.posts["post_id"].to_list() for chunk in chunks] == [[0, 1], [2, 3], [4]] + [
        []
    ] * 4
    assert [chunk.pictures["post_id"].to_list() for chunk in chunks[:3]] == [[1], [3], []]
    assert [len(chunk.snapshots) for chunk in chunks] == [0, 0, 0, 4, 4, 2, 0]


def test_chunks_have_the_types_of_every_source(directory: Path):
    for chunk in fetch(directory, None, day(9)):
        assert dict(chunk.posts.schema) == dict(POSTS_SCHEMA)
        assert dict(chunk.snapshots.schema) == dict(SNAPSHOTS_SCHEMA)
        assert dict(chunk.pictures.schema) == dict(PICTURES_SCHEMA)


@pytest.mark.parametrize("missing", ["posts", "snapshots", "pictures"])
def test_a_sample_without_one_of_its_files_is_none(directory: Path, missing: str):
    (directory / f"{missing}.parquet").unlink()
    with pytest.raises(SourceError, match=rf"{directory} holds no sample; .*`vkflow sample`"):
        fetch(directory, None, day(9))


def test_a_sample_still_being_written_is_none(directory: Path):
    (directory / "world.json").unlink()
    with pytest.raises(SourceError, match="holds no sample"):
        fetch(directory, None, day(9))
