"""The files of a sample: whole or not there, and the truth apart from the posts."""

import io
import json
import resource
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from PIL import Image
from polars.testing import assert_frame_equal

from vkflow.errors import SourceError
from vkflow.sample import files
from vkflow.sample.drawings import draw_jpeg
from vkflow.sample.files import is_written, write_sample
from vkflow.sample.truth import read_effects, read_latent, read_oracle
from vkflow.sample.world import World, draw_world

UNTIL = datetime(2026, 6, 1, tzinfo=UTC)
KEY = ["owner_id", "post_id"]


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(60, until=UNTIL, n_owners=5)


@pytest.fixture(scope="module")
def progress() -> list[tuple[int, int]]:
    return []


@pytest.fixture(scope="module")
def directory(
    tmp_path_factory: pytest.TempPathFactory, world: World, progress: list[tuple[int, int]]
) -> Path:
    path = tmp_path_factory.mktemp("home") / "sample"
    assert write_sample(path, world, lambda done, of: progress.append((done, of)))
    return path


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what stands beside the pictures."""
    monkeypatch.setattr(files, "_write_pictures", lambda path, *_: path.write_bytes(b""))


def test_the_posts_file_has_no_latent_column(directory: Path, world: World):
    posts = pl.read_parquet(directory / "posts.parquet")
    assert posts.columns == ["owner_id", "post_id", "published_at", "text", "is_ad"]
    assert_frame_equal(posts, world.posts.select(posts.columns))


def test_snapshots_are_written_as_drawn(directory: Path, world: World):
    assert_frame_equal(pl.read_parquet(directory / "snapshots.parquet"), world.snapshots)


def test_posts_snapshots_and_pictures_lie_in_the_order_of_time(directory: Path):
    posts = pl.read_parquet(directory / "posts.parquet")
    snapshots = pl.read_parquet(directory / "snapshots.parquet")
    assert posts["published_at"].is_sorted() and snapshots["observed_at"].is_sorted()
    pictures = pl.read_parquet(directory / "pictures.parquet", columns=KEY)
    places = pictures.join(posts.with_row_index(), on=KEY, maintain_order="left")["index"]
    assert len(places) == len(pictures) and places.is_sorted()


def test_every_post_with_a_picture_has_its_jpeg(directory: Path, world: World):
    pictures = pl.read_parquet(directory / "pictures.parquet")
    assert pictures.schema == {"owner_id": pl.Int64, "post_id": pl.Int64, "content": pl.Binary}
    wanted = world.posts.filter(pl.col("picture_category").is_not_null())
    assert_frame_equal(pictures.select(KEY), wanted.select(KEY))
    first = wanted.row(0, named=True)
    assert pictures["content"][0] == draw_jpeg(first["picture_category"], first["picture_seed"])
    assert Image.open(io.BytesIO(pictures["content"][-1])).format == "JPEG"


def test_progress_counts_pictures(directory: Path, world: World, progress: list[tuple[int, int]]):
    total = world.posts["picture_category"].count()
    assert progress == [(done, total) for done in range(1, total + 1)]


def test_the_truth_is_read_back(directory: Path, world: World):
    assert_frame_equal(read_effects(directory), world.effects)
    assert_frame_equal(read_oracle(directory), world.oracle)
    latent = read_latent(directory)
    assert_frame_equal(latent, world.posts.select(latent.columns))


def test_only_the_promised_files_are_left(directory: Path):
    names = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert names == {
        "posts.parquet",
        "snapshots.parquet",
        "pictures.parquet",
        "world.json",
        "truth/effects.parquet",
        "truth/oracle.parquet",
        "truth/posts.parquet",
    }


def test_the_arguments_are_kept(directory: Path):
    assert json.loads((directory / "world.json").read_text()) == {
        "n_posts": 60,
        "seed": 0,
        "until": "2026-06-01T00:00:00+00:00",
        "days": 120,
        "n_owners": 5,
        "null": False,
        "lifelike": False,
        "drifting": False,
        "generator": 2,
    }


def test_writing_the_same_world_again_does_nothing(directory: Path, world: World):
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    assert write_sample(directory, world) is False
    assert before == {path: path.stat().st_mtime_ns for path in directory.rglob("*")}


@pytest.mark.usefixtures("no_pictures")
def test_another_world_replaces_the_first(tmp_path: Path, world: World):
    other = draw_world(40, until=UNTIL, n_owners=5, seed=1)
    assert write_sample(tmp_path, world)
    assert write_sample(tmp_path, other)
    assert pl.read_parquet(tmp_path / "posts.parquet")["text"].equals(other.posts["text"])
    assert is_written(tmp_path, other.settings)
    assert not is_written(tmp_path, world.settings)


def test_an_interrupted_write_is_not_taken_for_a_sample(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
):
    def fail(path: Path, *_: object) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "_write_pictures", fail)
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, world)
    assert not is_written(tmp_path, world.settings)
    assert not list(tmp_path.rglob("*.tmp"))
    assert not (tmp_path / "pictures.parquet").exists()


@pytest.mark.usefixtures("no_pictures")
def test_a_file_that_cannot_be_written_is_named_and_nothing_half_written_stays(
    tmp_path: Path, world: World
):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))  # as if the disk were full
    try:
        with pytest.raises(OSError, match="cannot be written") as raised:
            write_sample(tmp_path / "sample", world)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.filename.endswith(".parquet")
    assert not [file for file in (tmp_path / "sample").rglob("*") if file.is_file()]


def test_a_directory_without_a_sample_is_named(tmp_path: Path):
    with pytest.raises(SourceError, match=str(tmp_path)):
        read_oracle(tmp_path)
    assert not is_written(tmp_path, draw_world(1, until=UNTIL).settings)
