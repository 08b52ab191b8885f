"""Copies of the warehouse to go back to."""

import shutil
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.database import explained
from warehouse.errors import WarehouseDamagedError, WarehouseError

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
    draft = folder / f".{copy.name}"
    try:
        shutil.copyfile(warehouse, draft)
        draft.replace(copy)
    finally:
        draft.unlink(missing_ok=True)
    for old in list_backups(folder)[keep:]:
        old.unlink()
    return copy


def list_backups(folder: Path) -> list[Path]:
    """The copies, newest first."""
    return sorted(folder.glob(PATTERN), reverse=True)


def restore(backup: Path, warehouse: Path, now: datetime) -> Path | None:
    """Put a copy in the place of the warehouse, which is moved aside and never deleted.

    Args:
        backup: one of :func:`list_backups`.
        warehouse: the file to replace.
        now: becomes part of the name of the file moved aside.

    Returns:
        Where the old file is; ``None`` if there was none.

    Raises:
        WarehouseError: there is no such copy.
        WarehouseDamagedError: the copy cannot be read; nothing was changed.
    """
    if not backup.is_file():
        raise WarehouseError(f"there is no backup {backup}")
    _check(backup)
    draft = warehouse.with_name(f".{warehouse.name}.restored")
    shutil.copyfile(backup, draft)
    aside = None
    if warehouse.exists():
        aside = warehouse.with_name(f"{warehouse.name}.before-{now:%Y%m%d-%H%M%S}")
        warehouse.replace(aside)
    # What was logged belongs to the file moved aside.
    log = warehouse.with_name(f"{warehouse.name}.wal")
    if log.exists():
        log.replace(log.with_name(f"{aside.name if aside else warehouse.name}.wal"))
    draft.replace(warehouse)
    return aside


def _check(backup: Path) -> None:
    """Read a copy to its end: a damaged one must not take the place of anything."""
    try:
        with duckdb.connect(str(backup), read_only=True) as connection:
            tables = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
            for (table,) in tables:
                connection.table(table).aggregate("count(COLUMNS(*))").fetchall()
    except duckdb.IOException as error:
        raise explained(backup, error) from error
    except duckdb.Error as error:
        raise WarehouseDamagedError(f"{backup} cannot be read: {error}") from error
