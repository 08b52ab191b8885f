"""Copies of the warehouse to go back to.

Whatever kills a restore, the warehouse is there: the old file with all that was stored in it, until
one rename makes it the copy.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.database import SIGN_OF_FULL_DISK, SIGNS_OF_HOLDER, explained
from warehouse.errors import (
    DiskFullError,
    WarehouseDamagedError,
    WarehouseError,
    WarehouseNewerError,
)
from warehouse.schema import applied_migrations

SIGNS_OF_WAREHOUSE = {"schema_migrations", "posts", "snapshots"}
"""Tables that every version of it has."""

PATTERN = "warehouse-*.duckdb"


def back_up(
    connection: duckdb.DuckDBPyConnection, warehouse: Path, folder: Path, now: datetime, keep: int
) -> Path:
    """Copy the warehouse, and delete all but the newest copies; one appears whole or not at all.

    Args:
        connection: the open warehouse: nobody else can write while it is copied.
        warehouse: its file.
        folder: where copies are kept.
        now: becomes part of the name.
        keep: how many copies to keep, this one included.

    Returns:
        The copy.
    """
    folder.mkdir(parents=True, exist_ok=True)
    connection.execute("CHECKPOINT")
    copy = folder / f"warehouse-{now:%Y%m%d-%H%M%S}.duckdb"
    with _copied(warehouse, folder / f".{copy.name}") as draft:
        draft.replace(copy)
    for old in list_backups(folder)[keep:]:
        old.unlink()
    return copy


def list_backups(folder: Path) -> list[Path]:
    """The copies, newest first; what is no file is none."""
    return sorted(filter(Path.is_file, folder.glob(PATTERN)), reverse=True)


def restore(backup: Path, warehouse: Path, now: datetime) -> Path | None:
    """Put a copy in the place of the warehouse, which is moved aside and never deleted.

    Args:
        backup: one of :func:`list_backups`.
        warehouse: the file to replace.
        now: becomes part of the name of the file moved aside.

    Returns:
        Where the old file is; ``None`` if there was none.

    Raises:
        WarehouseError: there is no such copy, no room for another one, or the old file is in use or
            cannot be kept; nothing was changed.
        WarehouseNewerError: a newer vkflow has written the copy; nothing was changed.
        WarehouseDamagedError: the copy cannot be read; nothing was changed.
    """
    if not backup.is_file():
        raise WarehouseError(f"there is no backup {backup}")
    _check(backup)
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with _copied(backup, warehouse.with_name(f".{warehouse.name}.restored")) as draft:
        aside = _put_aside(warehouse, now)
        draft.replace(warehouse)
    return aside


def _put_aside(warehouse: Path, now: datetime) -> Path | None:
    """Give the old file a second name; a log that could not be folded in goes with that."""
    log = warehouse.with_name(f"{warehouse.name}.wal")
    if not warehouse.exists():
        log.unlink(missing_ok=True)
        return None
    if log.exists():
        _fold_in(warehouse)
    try:
        aside = _link_beside(warehouse, f"{warehouse.name}.before-{now:%Y%m%d-%H%M%S}")
        if log.exists():
            os.link(log, aside.with_name(f"{aside.name}.wal"))
    except OSError as error:
        raise WarehouseError(
            f"{warehouse} cannot be kept under a second name ({error.strerror or error}), and "
            f"nothing has changed: move it and {log.name}, if there is one, elsewhere, then "
            f"restore again"
        ) from error
    log.unlink(missing_ok=True)
    return aside


def _fold_in(warehouse: Path) -> None:
    """Write what is logged into the file: a kill could part the two, and rows would be gone.

    A file that cannot be opened with its log, which is what restoring is for, stays as it is, and
    so does the log.
    """
    try:
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        if any(sign in str(error) for sign in (*SIGNS_OF_HOLDER, SIGN_OF_FULL_DISK)):
            raise explained(warehouse, error) from error


def _link_beside(file: Path, name: str) -> Path:
    """A second name, that no earlier restore has given."""
    link, number = file.with_name(name), 1
    while True:
        try:
            os.link(file, link)
        except FileExistsError:
            number += 1
            link = file.with_name(f"{name}-{number}")
        else:
            return link


@contextmanager
def _copied(source: Path, draft: Path) -> Iterator[Path]:
    """A copy that is safe on the disk, to be renamed; it is gone afterwards in any case."""
    try:
        _copy(source, draft)
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _copy(source: Path, draft: Path) -> None:
    try:
        shutil.copyfile(source, draft)
        with draft.open("rb") as copied:
            os.fsync(copied.fileno())
    except OSError as error:
        raise DiskFullError(
            f"{source.name} cannot be copied to {draft.parent} ({error.strerror or error}); make "
            f"room there, then do it again: nothing has changed"
        ) from error


def _check(backup: Path) -> None:
    """Read a copy to its end: a damaged one must not take the place of anything."""
    try:
        with duckdb.connect(str(backup), read_only=True) as connection:
            tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            if not {name for (name,) in tables} >= SIGNS_OF_WAREHOUSE:
                raise WarehouseError(
                    f"{backup} is no copy of a warehouse; see `vkflow restore --list`"
                )
            _check_migrations(backup, connection)
            for (table,) in tables:
                connection.table(table).aggregate("count(COLUMNS(*))").fetchall()
    except duckdb.IOException as error:
        raise explained(backup, error) from error
    except duckdb.Error as error:
        raise WarehouseDamagedError(f"{backup} cannot be read: {error}") from error


def _check_migrations(backup: Path, connection: duckdb.DuckDBPyConnection) -> None:
    """What is said of an open warehouse would send people to the command that they run."""
    try:
        applied_migrations(connection)
    except WarehouseNewerError as error:
        raise WarehouseNewerError(f"{backup} cannot be put back: {error}") from error
    except WarehouseError as error:
        raise WarehouseError(
            f"{backup} is no copy of a warehouse: its table schema_migrations is somebody else's; "
            f"see `vkflow restore --list`"
        ) from error
