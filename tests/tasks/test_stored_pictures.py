"""Pictures on their way from a source to where they lie: stored by workers, in parts."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import polars as pl
import pytest

from tasks import pulling
from tasks.pulling import pull_posts
from tasks.step import warehouse_of
from tests.fakes.deadly_photos import POISON, pull_with_dying_worker
from vkflow.engines.workers import photos
from vkflow.errors import SettingsError
from vkflow.images.decoding import picture_hash
from vkflow.images.media import picture_name
from vkflow.sample.drawings import draw_jpeg
from vkflow.settings import Settings, load_settings
from vkflow.storage import Storage, StorageError

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
PICTURES = [draw_jpeg("cat", seed) for seed in range(5)]
NAMES = sorted(picture_name(picture_hash(content)) for content in PICTURES)


def settings_of(home: Path, contents: list[bytes], **images: object) -> Settings:
    """A home whose source is a database of posts with these pictures."""
    home.mkdir(exist_ok=True)
    with sqlite3.connect(home / "posts.db") as connection:
        connection.execute("CREATE TABLE posts (post_id INTEGER, text TEXT, photo BLOB)")
        rows = [(number, "cat", content) for number, content in enumerate(contents)]
        connection.executemany("INSERT INTO posts VALUES (?, ?, ?)", rows)
    connection.close()
    return load_settings(
        home=home,
        source="database",
        database={"url": f"sqlite:///{home}/posts.db", "table": "posts", "chunk_rows": 2},
        images={"tagger": "ViT-B-32:any", **images},
    )


def stored(settings: Settings, statement: str) -> list[tuple[object, ...]]:
    with warehouse_of(settings) as connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def bucket() -> Iterator[str]:
    """An object store: fsspec's in memory."""
    files = fsspec.filesystem("memory")
    files.makedirs("/bucket", exist_ok=True)
    yield "memory://bucket"
    files.rm("/bucket", recursive=True)


def test_pictures_lie_in_an_object_store_where_the_settings_say_so(
    tmp_path: Path, bucket: str
) -> None:
    settings = settings_of(tmp_path / "home", PICTURES, media=f"{bucket}/media")
    pull_posts.fn(settings, NIGHT)
    assert settings.media.names() == NAMES
    assert sorted(map(settings.media.read, NAMES)) == sorted(PICTURES)
    assert not (settings.home / "media").exists()
    settings.media.remove(NAMES[:1])
    pull_posts.fn(settings, NIGHT)
    assert settings.media.names() == NAMES, "one that is gone is stored again"


def test_parts_of_pictures_are_noted_and_removed_with_their_posts(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "home", [*PICTURES, b"none"])
    counts = pull_posts.fn(settings, NIGHT)
    assert (counts.new, counts.bad_pictures) == (6, 1)
    ledger = "SELECT part, step, n_rows FROM work_parts ORDER BY ALL"
    parts = stored(settings, ledger)
    assert [part[1:] for part in parts] == [("store pictures", 2)] * 3
    another = settings_of(tmp_path / "another", [*PICTURES, b"none"])
    pull_posts.fn(another, NIGHT)
    assert stored(another, ledger) == parts
    assert Storage(settings.parts_url, "parts").names() == []


def test_pictures_a_killed_pull_had_stored_are_not_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path / "home", PICTURES)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pulling, "storing_parts", killed)
        with pytest.raises(KeyboardInterrupt):
            pull_posts.fn(settings, NIGHT)
    assert stored(settings, "SELECT count(*) FROM images") == [(0,)]
    decoded = []
    real = photos.store_picture
    monkeypatch.setattr(
        photos, "store_picture", lambda *given, **more: decoded.append(1) or real(*given, **more)
    )
    changed = settings.database.model_copy(update={"chunk_rows": 4})
    pull_posts.fn(settings.model_copy(update={"database": changed}), NIGHT)
    assert len(decoded) == 3, "though the parts are others now"
    assert stored(settings, "SELECT count(*), min(status) FROM images") == [(5, "ok")]


@pytest.mark.night
def test_a_picture_that_kills_whoever_decodes_it_costs_its_post_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path / "home", [*PICTURES[:3], POISON, *PICTURES[3:]])
    night = multiprocessing.get_context("spawn").Process(
        target=pull_with_dying_worker, args=(settings, NIGHT)
    )
    night.start()
    night.join(60)
    assert night.exitcode == -9, "the first night dies of it"
    for module, name in ((photos, "store_picture"), (pulling, "recruit_photo_worker")):
        monkeypatch.setattr(module, name, getattr(module, name))  # to be put back
    pull_with_dying_worker(settings, NIGHT)
    assert settings.media.names() == NAMES
    assert stored(settings, "SELECT count(*) FROM posts") == [(6,)]
    reason = "Whoever decodes it fails or dies: BrokenProcessPool."
    assert stored(settings, "SELECT bytes, status, error FROM images WHERE status <> 'ok'") == [
        (len(POISON), "refused", reason)
    ]
    assert [why for _, why in stored(settings, "SELECT key, reason FROM quarantine")] == [
        f"the picture cannot be used: {reason}"
    ]
    pull_with_dying_worker(settings, NIGHT)


def test_a_store_that_does_not_answer_blames_no_picture(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path / "home", PICTURES, media=f"{bucket}/media")

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionResetError("broken pipe")

    with monkeypatch.context() as patch:
        patch.setattr(type(fsspec.filesystem("memory")), "pipe_file", refuse)
        with pytest.raises(StorageError, match="ConnectionResetError"):
            pull_posts.fn(settings, NIGHT)
    assert stored(settings, "SELECT count(*) FROM images") == [(0,)]
    pull_posts.fn(settings, NIGHT)
    assert settings.media.names() == NAMES


def test_a_bucket_that_is_not_there_stops_the_pull_before_it_begins(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "home", PICTURES, media="memory://nowhere/media")
    with pytest.raises(SettingsError, match=r"setting images.media: .* there is no nowhere"):
        pull_posts.fn(settings, NIGHT)


def test_parts_of_pictures_are_bounded_in_bytes_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "PART_BYTES", 10)
    monkeypatch.setattr(pulling, "PART_PICTURES", 3)
    sizes = [4, 4, 4, 99, 1, 1, 1, 1]
    frame = pl.DataFrame({"content": [b"x" * size for size in sizes]})
    parts = [part["content"].bin.size().to_list() for part in pulling._in_parts(frame)]
    assert parts == [[4, 4], [4], [99], [1, 1, 1], [1]]
    assert list(pulling._in_parts(frame.clear())) == []
