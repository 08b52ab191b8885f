"""Parts and pictures in an object store that speaks S3."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import polars as pl
import pytest

from flows.sampling import ensure_sample
from tasks.maintaining import maintain_home
from tasks.pictures import tag_pictures
from tasks.pulling import pull_posts
from tasks.step import warehouse_of
from tasks.working import work_off
from tests.fakes.doubling import Doubling
from tests.fakes.numbers import LAST, Numbers, expected
from tests.fakes.object_store import ENVIRONMENT, failing_object_store, running_object_store
from tests.fakes.postgres import PASSWORD
from vkflow.engines.parts import PartFolder
from vkflow.errors import SettingsError
from vkflow.images.media import picture_name
from vkflow.settings import Settings, load_settings
from vkflow.storage import Storage
from warehouse import catalogs
from warehouse.database import open_warehouse
from warehouse.errors import WarehouseUnreachableError
from warehouse.lake import kept
from warehouse.lake.kept import kept_lakes
from warehouse.lake.lake import Lake

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]
UNTIL = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    os.environ |= ENVIRONMENT  # actors read it, too
    with running_object_store(tmp_path_factory.mktemp("weed")) as url:
        yield url


def test_a_part_comes_back_as_it_went_and_goes_when_it_is_removed(bucket: str) -> None:
    parts, rows = PartFolder(f"{bucket}/one/more"), pl.DataFrame({"vector": [[0.5, 1.0], None]})
    assert parts.names() == []
    parts.write_work("a", rows)
    parts.write_result("a", rows.reverse())
    assert parts.names() == ["a"] and parts.has_result("a")
    assert parts.read_work("a").equals(rows) and parts.read_result("a").equals(rows.reverse())
    assert [parts.note_try("a") for _ in range(2)] == [1, 2]
    parts.remove("a")
    assert parts.names() == [] and not parts.has_result("a")


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_work_is_done_by_way_of_the_object_store(bucket: str, tmp_path: Path, engine: str) -> None:
    numbers = Numbers(load_settings(home=tmp_path, engine=engine, parts=f"{bucket}/{engine}"))
    assert work_off(numbers.settings, numbers.work(Doubling("dies" if engine == "ray" else "none")))
    assert sorted(numbers.rows()) == expected("BrokenProcessPool" if engine == "ray" else "26")
    assert len(numbers.parts()) == LAST / 4
    assert not (tmp_path / "parts").exists()


def settings_in(bucket: str, home: Path, engine: str, *, keep: bool) -> Settings:
    ensure_sample(home / "sample", 60, until=UNTIL, owners=5)
    return load_settings(
        home=home,
        engine=engine,
        parts=f"{bucket}/{home.name}/parts",
        images={"media": f"{bucket}/{home.name}/media", "keep": keep, "chunk_images": 16},
        warehouse={"grace_days": 0},
    )


def tables(settings: Settings) -> list[list[tuple[object, ...]]]:
    """But for vectors and scores: their last bits depend on how threads share a batch."""
    statements = (
        "FROM posts ORDER BY ALL",
        "FROM images ORDER BY ALL",
        "SELECT image_hash, encoder_id FROM image_embeddings ORDER BY ALL",
        "SELECT image_hash, category FROM image_tags WHERE rank = 1 ORDER BY ALL",
    )
    with warehouse_of(settings) as connection:
        return [connection.execute(statement).fetchall() for statement in statements]


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_pictures_are_stored_tagged_and_dropped_in_the_object_store(
    bucket: str, tmp_path: Path, engine: str
) -> None:
    here = settings_in(bucket, tmp_path / f"here-{engine}", "local", keep=True)
    here = here.model_copy(
        update={"parts": None, "images": here.images.model_copy(update={"media": None})}
    )
    there = settings_in(bucket, tmp_path / f"there-{engine}", engine, keep=False)
    pull_posts.fn(here, UNTIL)
    pull_posts.fn(there, UNTIL)
    assert there.media.names() == here.media.names() != []
    assert all(there.media.read(name) == here.media.read(name) for name in here.media.names())
    assert tag_pictures.fn(there) == tag_pictures.fn(here) > 30
    assert tables(there) == tables(here)
    assert there.media.names() == [] != here.media.names()
    pull_posts.fn(there, UNTIL)
    assert there.media.names() == []
    assert Storage(there.parts_url, "parts").names() == []
    assert not (there.home / "media").exists() and not (there.home / "parts").exists()


def test_maintenance_clears_the_object_store(bucket: str, tmp_path: Path) -> None:
    settings = settings_in(bucket, tmp_path / "maintained", "local", keep=True)
    parts, media = Storage(settings.parts_url, "parts"), settings.media
    pull_posts.fn(settings, UNTIL)
    wanted = media.names()
    media.write(picture_name("0" * 64), b"of no post")
    old = f"embed-texts/0123456789ab/{'5' * 24}.work.parquet"
    parts.write(old, b"")
    parts.write("of-others.txt", b"")
    later = datetime.now(UTC) + timedelta(days=181)
    assert maintain_home.fn(settings, later, 180, dry_run=True)
    assert old in parts.names()
    maintain_home.fn(settings, later, 180, dry_run=False)
    assert media.names() == wanted
    assert parts.names() == ["of-others.txt"]


def test_an_object_store_without_the_bucket_is_told_with_the_setting(bucket: str) -> None:
    with pytest.raises(SettingsError, match=r"setting images.media: .* there is no elsewhere"):
        Storage("s3://elsewhere/media", "images.media").check()
    Storage(f"{bucket}/empty", "images.media").check()
    with pytest.raises(FileNotFoundError):
        Storage(f"{bucket}/empty", "images.media").read("ab/gone.jpg")


def test_an_object_store_that_does_not_answer_is_told_with_the_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from s3fs import S3FileSystem

    S3FileSystem.clear_instance_cache()
    for name, value in (ENVIRONMENT | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match="setting parts: s3://elsewhere/parts cannot be read"):
        PartFolder("s3://elsewhere/parts").names()
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def lake_in(bucket: str, lake: Lake) -> Lake:
    """A lake whose data is in the bucket."""
    made = Lake(lake.url, f"{bucket}/{lake.home.parent.name}", lake.home)
    with open_warehouse(made) as connection:
        connection.execute("CREATE TABLE numbers AS SELECT random() AS x FROM range(1_000_000)")
    return made


@pytest.mark.parametrize("answers", [False, True])
def test_a_lake_whose_data_does_not_answer_is_worth_another_try(
    lake_in: Lake, answers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing_object_store() as url, monkeypatch.context() as there:
        there.setenv("AWS_ENDPOINT_URL", url if answers else "http://127.0.0.1:9")
        with pytest.raises(WarehouseUnreachableError, match="start the object store") as told:
            catalogs.describe(lake_in)
        with pytest.raises(WarehouseUnreachableError), open_warehouse(lake_in):
            pass
        assert PASSWORD not in str(told.value)
    assert ", 0 posts" in catalogs.describe(lake_in)


def test_what_a_step_has_read_does_not_stay_in_memory(
    lake_in: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MOST_BYTES", 2**20)
    with (
        kept_lakes(),
        patch.object(kept, "connect_lake", wraps=kept.connect_lake) as connect,
        open_warehouse(lake_in) as outer,
    ):
        numbers = outer.execute("FROM numbers").to_arrow_reader(2_048)
        assert next(numbers).num_rows
        for _ in range(2):
            with open_warehouse(lake_in) as connection:
                assert connection.execute("SELECT avg(x) < 1 FROM numbers").fetchone() == (True,)
        assert sum(batch.num_rows for batch in numbers) > 900_000
    assert connect.call_count == 2
