"""Parts in an object store that speaks S3."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tasks.working import work_off
from tests.fakes.doubling import Doubling
from tests.fakes.numbers import LAST, Numbers, expected
from vkflow.engines.parts import PartFolder
from vkflow.errors import SettingsError
from vkflow.settings import load_settings

pytestmark = [pytest.mark.scale, pytest.mark.timeout(600)]
PORT = 8333
START_SECONDS = 180
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{PORT}",
}


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket of SeaweedFS, on loopback."""
    folder = tmp_path_factory.mktemp("weed")
    os.environ |= ENVIRONMENT  # actors read it, too
    command = [
        str(Path(sys.executable).with_name("weed")), f"-logdir={folder}", "server",
        "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={folder}", "-s3", f"-s3.port={PORT}",
        "-volume.max=10", "-master.volumeSizeLimitMB=64",
    ]  # fmt: skip
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _make_bucket("vkflow")
        yield "s3://vkflow"
    finally:
        server.terminate()
        server.wait(60)


def _make_bucket(name: str) -> None:
    import s3fs

    end = time.monotonic() + START_SECONDS
    while True:
        try:
            s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
            return
        except OSError:
            assert time.monotonic() < end, "SeaweedFS does not start"
            time.sleep(1)


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
