"""Parts in an object store that speaks S3."""

import os
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tasks.working import work_off
from tests.fakes.doubling import Doubling
from tests.fakes.numbers import LAST, Numbers, expected
from tests.fakes.object_store import ENVIRONMENT, running_object_store
from vkflow.engines.parts import PartFolder
from vkflow.errors import SettingsError
from vkflow.settings import load_settings

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]


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
