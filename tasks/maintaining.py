"""Find what is no longer needed, and delete it when told to."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tasks.step import catalog_of, run_logger, step, warehouse_of
from vkflow.engines.parts import is_of_a_part
from vkflow.images.media import stored_hash
from vkflow.settings import Settings
from vkflow.storage import Storage
from warehouse import retention
from warehouse.catalogs import compact

DRAFTS = (
    ".warehouse.duckdb.*",
    ".writer.json.*",
    ".training-*",
    "published/.*.duckdb.*",
    "backups/.*",
    "models/.*",
    "reports/.*",
    "downloads/*/*.json.part",
)
"""What a killed run leaves half-written. No run is at work but this one."""

DRAFT_AGE = timedelta(hours=1)


@dataclass(frozen=True)
class Superfluous:
    """One kind of thing that is no longer needed.

    Attributes:
        kind: such as ``bundles``.
        number: how many there are.
        bytes: what they take on the disk; 0 for rows, whose space compaction wins.
    """

    kind: str
    number: int
    bytes: int


@step("maintain home")
def maintain_home(
    settings: Settings, now: datetime, days: int, *, dry_run: bool
) -> list[Superfluous]:
    """Snapshots, bundles, pictures and reports older than ``days`` that nothing refers to; drafts.

    What a label, the history of an owner, a kept prediction or a champion needs is not among
    them. Unless ``dry_run``, they are deleted and the warehouse is written anew without gaps. Parts
    of work that nobody went on with for the days of grace go, too, wherever they lie.
    """
    cutoff = now - timedelta(days=days)
    grace = datetime.now(UTC) - timedelta(days=settings.warehouse.grace_days)
    with warehouse_of(settings) as connection:
        snapshots = retention.count_superfluous_snapshots(connection, cutoff)
        unneeded = retention.unneeded_models(connection, cutoff)
        wanted = retention.wanted_images(connection)
    paths = {
        "bundles": [f for f in _in(settings.models_directory, unneeded) if f.is_dir()],
        "reports": _old_files(settings.reports_directory, "????-??-??.html", cutoff),
    }
    if drafts := _drafts(settings):
        paths["drafts"] = drafts
    stored = {"pictures": _old_in(settings.media, lambda name: _is_unwanted(name, wanted), cutoff)}
    parts = _old_in(Storage(settings.parts_url, "parts"), is_of_a_part, grace)
    if parts.names:
        stored["parts"] = parts
    found = [Superfluous("snapshots", snapshots, 0)]
    found += [Superfluous(kind, len(found), _size(found)) for kind, found in paths.items()]
    found += [Superfluous(kind, len(old.names), old.bytes) for kind, old in stored.items()]
    for kind in found:
        verb = "would be" if dry_run else "are being"
        run_logger().info("%d %s %s deleted", kind.number, kind.kind, verb)
    if not dry_run:
        for old in stored.values():
            old.storage.remove(old.names)
        _delete(settings, cutoff, [path for group in paths.values() for path in group])
    return found


@dataclass(frozen=True)
class _OldFiles:
    storage: Storage
    names: Sequence[str]
    bytes: int


def _old_in(storage: Storage, is_ours: Callable[[str], bool], cutoff: datetime) -> _OldFiles:
    """Younger ones stay: their post may be about to be stored, their part to be worked on."""
    sizes = {}
    for name in filter(is_ours, storage.names()):
        size, written = storage.describe(name)
        if written < cutoff:
            sizes[name] = size
    return _OldFiles(storage, list(sizes), sum(sizes.values()))


def _is_unwanted(name: str, wanted: set[str]) -> bool:
    image_hash = stored_hash(name)
    return image_hash is not None and image_hash not in wanted


def _drafts(settings: Settings) -> list[Path]:
    now_old = datetime.now(UTC) - DRAFT_AGE
    found = [file for draft in DRAFTS for file in _old_files(settings.home, draft, now_old)]
    if settings.media.folder is not None:
        found += _old_files(settings.media.folder, "??/.*", now_old)
    return found


def _delete(settings: Settings, cutoff: datetime, paths: Sequence[Path]) -> None:
    with warehouse_of(settings) as connection:
        retention.delete_superfluous_snapshots(connection, cutoff)
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    done = compact(
        catalog_of(settings),
        settings.backups_directory,
        timedelta(days=settings.warehouse.grace_days),
        datetime.now(UTC),
    )
    run_logger().info("%s", done)


def _in(folder: Path, names: Sequence[str]) -> list[Path]:
    return [folder / name for name in names]


def _old_files(folder: Path, pattern: str, cutoff: datetime) -> list[Path]:
    return [
        file for file in sorted(folder.glob(pattern)) if file.stat().st_mtime < cutoff.timestamp()
    ]


def _size(paths: Sequence[Path]) -> int:
    files = [f for path in paths for f in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())
