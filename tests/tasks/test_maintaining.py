import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest

from tasks.maintaining import maintain_home
from tasks.step import warehouse_of
from vkflow.images.media import picture_name
from vkflow.settings import Settings, load_settings
from vkflow.storage import Storage

NOW = datetime(2026, 11, 2, tzinfo=UTC)
WANTED, UNWANTED, YOUNG = ("a" * 64, "b" * 64, "c" * 64)


def write(path: Path, days_old: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 1_000)
    moment = (NOW - timedelta(days=days_old)).timestamp()
    os.utime(path, (moment, moment))
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with one thing of each kind that is needed, and one that is not."""
    settings = load_settings(home=tmp_path)
    for image_hash, days in ((WANTED, 300), (UNWANTED, 300), (YOUNG, 3)):
        write(settings.media.folder / image_hash[:2] / f"{image_hash}.jpg", days)
    for version in ("champion", "rejected"):
        write(settings.models_directory / version / "manifest.json", 300)
    write(settings.reports_directory / "2026-01-01.html", 300)
    write(settings.reports_directory / "2026-11-01.html", 1)
    write(settings.reports_directory / "latest.html", 300)
    old = NOW - timedelta(days=300)
    with warehouse_of(settings) as connection:
        connection.execute(
            "INSERT INTO posts "
            "VALUES (-1, 1, ?, 'text', 'hash', ?, false, 'test', ?, ?, NULL, NULL)",
            [old, WANTED, old, old],
        )
        for day in (1, 2, 4, 5, 6):
            connection.execute(
                "INSERT INTO snapshots BY NAME "
                "SELECT -1 AS owner_id, 1 AS post_id, ? AS observed_at, 100 AS views",
                [old + timedelta(days=day)],
            )
        for version in ("champion", "rejected"):
            connection.execute(
                "INSERT INTO models VALUES (?, ?, ?, NULL, NULL, 0, '{}')", [version, old, version]
            )
    return settings


def files(settings: Settings) -> set[str]:
    return {
        str(path.relative_to(settings.home))
        for path in settings.home.rglob("*")
        if path.suffix in (".jpg", ".html", ".json")
    }


def test_dry_run_tells_and_deletes_nothing(settings: Settings) -> None:
    before = files(settings)
    found = maintain_home.fn(settings, NOW, 180, dry_run=True)
    assert {kind.kind: (kind.number, kind.bytes) for kind in found} == {
        "snapshots": (2, 0),
        "bundles": (1, 1_000),
        "pictures": (1, 1_000),
        "reports": (1, 1_000),
    }
    assert files(settings) == before
    with warehouse_of(settings) as connection:
        assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (5,)


def test_what_is_needed_or_young_stays(settings: Settings) -> None:
    before = files(settings)
    maintain_home.fn(settings, NOW, 180, dry_run=False)
    assert before - files(settings) == {
        f"media/bb/{UNWANTED}.jpg",
        "models/rejected/manifest.json",
        "reports/2026-01-01.html",
    }
    with warehouse_of(settings) as connection:
        assert connection.execute("SELECT count(*) FROM snapshots").fetchone() == (3,)
        assert connection.execute("SELECT count(*) FROM labels").fetchone() == (1,)


def test_second_time_finds_nothing(settings: Settings) -> None:
    maintain_home.fn(settings, NOW, 180, dry_run=False)
    again = maintain_home.fn(settings, NOW, 180, dry_run=False)
    assert all(kind.number == 0 for kind in again)


def test_drafts_of_killed_runs_are_removed(settings: Settings) -> None:
    drafts = (
        ".warehouse.duckdb.restored", ".warehouse.duckdb.123", "published/.predictions.duckdb.9",
        "backups/.warehouse-20260101-000000.duckdb", f"media/aa/.{WANTED}.jpg.{32 * '7'}",
        ".training-abc/00001.arrow", ".writer.json.77",
    )  # fmt: skip
    for draft in drafts:
        write(settings.home / draft, 300)
    os.utime(settings.home / ".training-abc", (0, 0))
    young = settings.home / ".warehouse.duckdb.124"
    young.write_bytes(b"x")
    found = maintain_home.fn(settings, NOW, 180, dry_run=True)
    assert {kind.kind: kind.number for kind in found}["drafts"] == len(drafts)
    maintain_home.fn(settings, NOW, 180, dry_run=False)
    assert not any((settings.home / draft).exists() for draft in drafts)
    assert young.exists()


PART = "embed-texts/0123456789ab/" + 24 * "5"
FILES_OF_PARTS = {
    f"{PART}.work.parquet",
    f"{PART}.result.parquet",
    f"{PART}.tries",
    f"embed-texts/0123456789ab/.{24 * '6'}.work.parquet.{32 * '7'}",
}
OTHERS = {"somebody/else.parquet", "embed-texts/0123456789ab/notes.txt", f"{PART}.work.parquet.bak"}


def test_parts_nobody_went_on_with_are_cleared_after_the_days_of_grace(
    settings: Settings,
) -> None:
    for name in FILES_OF_PARTS | OTHERS:
        write(settings.home / "parts" / name, 300)
    recent = write(settings.home / "parts" / f"embed-texts/0123456789ab/{24 * '8'}.tries", 0)
    os.utime(recent)
    found = maintain_home.fn(settings, NOW, 180, dry_run=False)
    assert {kind.kind: (kind.number, kind.bytes) for kind in found}["parts"] == (4, 4_000)
    left = Storage(settings.parts_url, "parts").names()
    assert set(left) == OTHERS | {f"embed-texts/0123456789ab/{recent.name}"}


def test_parts_and_pictures_of_an_object_store_are_cleared_too(settings: Settings) -> None:
    """In fsspec's memory, where all is written now: no days of grace are asked for."""
    elsewhere = load_settings(
        home=settings.home,
        parts="memory://bucket/parts",
        images={"media": "memory://bucket/media"},
        warehouse={"grace_days": 0},
    )
    parts, media = Storage(elsewhere.parts_url, "parts"), elsewhere.media
    try:
        for name in FILES_OF_PARTS | OTHERS:
            parts.write(name, b"x" * 1_000)
        for image_hash in (WANTED, UNWANTED):
            media.write(picture_name(image_hash), b"x" * 1_000)
        media.write("readme.txt", b"not ours")
        kept = load_settings(**{**elsewhere.model_dump(exclude_unset=True), "warehouse": {}})
        maintain_home.fn(kept, NOW, 180, dry_run=False)
        assert len(parts.names()) == 7, "they are young"
        later = datetime.now(UTC) + timedelta(days=181)
        maintain_home.fn(elsewhere, later, 180, dry_run=False)
        assert set(parts.names()) == OTHERS
        assert media.names() == sorted([picture_name(WANTED), "readme.txt"])
    finally:
        fsspec.filesystem("memory").store.clear()
