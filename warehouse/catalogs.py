"""A warehouse is a DuckDB file or a DuckLake; what differs between them beside opening.

What needs the extra vkflow[ducklake] is imported only where there is a lake.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

from warehouse import backups, retention, writer_lock
from warehouse.database import look_into, refuse_to_begin_anew
from warehouse.errors import WarehouseError
from warehouse.lake.lake import Lake

Catalog = Path | Lake
"""The DuckDB file, which lies in its home, or the lake."""


@contextmanager
def only_writer(catalog: Catalog, name: str, wait_seconds: float) -> Iterator[None]:
    """Be the only writer, under the name of a flow.

    Raises:
        WriterLockedError: another writer is still at work after ``wait_seconds``.
        WarehouseError: the home cannot be written, or the lake not reached.
    """
    if isinstance(catalog, Lake):
        from warehouse.lake.lock import lake_writer_lock

        with lake_writer_lock(catalog, name, wait_seconds):
            yield
    else:
        with writer_lock.writer_lock(catalog.parent, name, wait_seconds):
            yield


def check_only_writer(catalog: Catalog) -> None:
    """Stop a run that is the only writer no more; one that took no lock passes.

    Raises:
        WriterLostError: it has lost its lock.
    """
    if isinstance(catalog, Lake):
        from warehouse.lake.lock import check_lake_held

        check_lake_held(catalog)
    else:
        writer_lock.check_held(catalog.parent)


def free_from_gone_writer(catalog: Catalog) -> str | None:
    """Take the lock from a writer that is gone; returns it, for people, ``None``: nobody had it.

    Raises:
        WriterLockedError: it lives, or may live.
    """
    if isinstance(catalog, Lake):
        from warehouse.lake.lock import refuse_held_lake

        refuse_held_lake(catalog)
        return None
    writer = writer_lock.break_lock(catalog.parent)
    return None if writer is None else writer.describe()


def describe(catalog: Catalog) -> str:
    """What it is, whether it answers, how many posts it has; changes nothing.

    Raises:
        WarehouseError: it cannot be read, or is missing where there was one.
    """
    if isinstance(catalog, Lake):
        from warehouse.lake.upkeep import look_into_lake

        found, where = look_into_lake(catalog), f"{catalog}, data in {catalog.data}"
        if found is None:
            return f"{where}: answers, and is empty; the first run makes the tables"
    elif not catalog.exists():
        refuse_to_begin_anew(catalog)
        return "none yet: the first run makes it"
    else:
        found = look_into(catalog)
        where = f"{catalog}, {catalog.stat().st_size / 2**20:.0f} MiB"
    posts, missing = found
    later = f"; the next run applies {missing} migrations" if missing else ""
    return f"{where}, {posts} posts{later}"


def back_up(
    connection: duckdb.DuckDBPyConnection, catalog: Catalog, folder: Path, now: datetime, keep: int
) -> Path:
    """Copy the open warehouse into ``folder``, and delete all but the ``keep`` newest copies."""
    if isinstance(catalog, Lake):
        from warehouse.lake.backups import back_up_lake

        return back_up_lake(catalog, folder, now, keep)
    return backups.back_up(connection, catalog, folder, now, keep)


def list_backups(catalog: Catalog, folder: Path) -> list[Path]:
    """What can be put back: copies, newest first; for a lake, those of a file come last."""
    files = backups.list_backups(folder)
    if isinstance(catalog, Lake):
        from warehouse.lake.backups import list_lake_backups

        return list_lake_backups(folder) + files
    return files


def restore(backup: Path, catalog: Catalog, folder: Path, now: datetime) -> Path | None:
    """Put a copy in the place of the warehouse.

    Returns:
        What was there before, which is never deleted; ``None`` if there was nothing.

    Raises:
        WarehouseError: there is no such copy, it does not fit, or what was there cannot be kept;
            nothing was changed.
    """
    if isinstance(catalog, Lake):
        from warehouse.lake.backups import restore_lake

        return restore_lake(backup, catalog, folder, now)
    if backup.suffix == ".lake":
        raise WarehouseError(
            f"{backup} is a copy of a DuckLake's catalog, and the warehouse a file: set "
            f"VKFLOW_WAREHOUSE__CATALOG to the lake's URL, or choose one of `vkflow restore --list`"
        )
    return backups.restore(backup, catalog, now)


def compact(catalog: Catalog, folder: Path, grace: timedelta, now: datetime) -> str:
    """Win back what deleting leaves; nobody else may write, which the lock sees to.

    Args:
        catalog: the warehouse, not open.
        folder: where copies are kept: of a lake, all that they need stays.
        grace: how long a lake keeps its old states, for those who read them.
        now: the moment.

    Returns:
        What was done, for the log.
    """
    if not isinstance(catalog, Lake):
        won = retention.compact(catalog)
        return f"the warehouse is {won / 2**20:.1f} MiB smaller"
    from warehouse.lake.backups import is_put_back, oldest_moment
    from warehouse.lake.upkeep import compact_lake

    until = min(now - grace, oldest_moment(folder, now))
    was_put_back = is_put_back(folder)
    merged, removed = compact_lake(catalog, until, with_orphans=not was_put_back)
    kept = " (files of what a restore replaced are kept)" if was_put_back else ""
    return f"{merged} files of the lake merged, {removed} deleted{kept}"
