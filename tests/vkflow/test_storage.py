"""Files in a folder, or behind a URL: the same for whoever stores and reads them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest

from vkflow.errors import SettingsError
from vkflow.storage import Storage, StorageError


@pytest.fixture(params=["folder", "file URL", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path):
    """A folder, and an object store: fsspec's in memory puts a file in one step, too."""
    if request.param != "memory":
        prefix = "file://" if request.param == "file URL" else ""
        yield Storage(f"{prefix}{tmp_path}/media", "images.media")
        return
    yield Storage("memory://bucket/media", "images.media")
    fsspec.filesystem("memory").store.clear()


def test_a_file_comes_back_as_it_went_until_it_is_removed(storage: Storage) -> None:
    assert storage.names() == storage.entries() == []
    storage.write("ab/one.jpg", b"one")
    storage.write("ab/one.jpg", b"another")
    storage.write("cd/two.jpg", b"two")
    assert storage.names() == ["ab/one.jpg", "cd/two.jpg"]
    assert storage.entries() == ["ab", "cd"]
    assert storage.read("ab/one.jpg") == storage.file("ab/one.jpg").read_bytes() == b"another"
    size, written = storage.describe("ab/one.jpg")
    assert size == 7 and abs(datetime.now(UTC) - written) < timedelta(minutes=1)
    storage.remove(["ab/one.jpg"])
    storage.remove(["ab/one.jpg"])
    assert storage.names() == ["cd/two.jpg"]
    assert [storage.has(name) for name in ("ab/one.jpg", "cd/two.jpg")] == [False, True]


def test_a_file_that_is_not_there_is_told_so(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.file("ab/gone.jpg").read_bytes()


def test_a_folder_of_this_machine_is_known_as_one(tmp_path: Path) -> None:
    assert Storage(f"file://{tmp_path}", "x").folder == Storage(str(tmp_path), "x").folder
    assert Storage("memory://bucket", "x").folder is None


def test_a_store_that_does_not_answer_is_another_thing_than_a_missing_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a store that is down for a minute would lose all pictures that are asked for."""
    storage = Storage("memory://bucket/media", "images.media")

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionResetError("broken pipe\nsecond line")

    monkeypatch.setattr(type(storage._place[0]), "cat_file", refuse)
    with pytest.raises(StorageError, match=r"images.media\).*ConnectionResetError: broken pipe$"):
        storage.read("ab/one.jpg")


def test_a_bucket_that_is_gone_is_no_missing_file(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage("memory://bucket/media", "images.media")

    def refuse(*_: object, **__: object) -> None:
        raise FileNotFoundError("The specified bucket does not exist")

    monkeypatch.setattr(type(storage._place[0]), "pipe_file", refuse)
    with pytest.raises(StorageError, match=r"images.media\).*bucket does not exist"):
        storage.write("ab/one.jpg", b"one")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nowhere://bucket", "setting images.media: Protocol not known: nowhere"),
        ("abfs://bucket", "needs a package that is not installed"),
        ("memory://elsewhere/media", "there is no elsewhere"),
    ],
)
def test_what_nobody_can_reach_is_told_with_the_setting(url: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Storage(url, "images.media").check()


def test_an_empty_place_is_well() -> None:
    files = fsspec.filesystem("memory")
    files.mkdir("/empty")
    try:
        Storage("memory://empty/media", "images.media").check()
    finally:
        files.rmdir("/empty")
