"""Copies of a lake's catalog to go back to.

Data files never change, and maintenance deletes none that a copy of the catalog names; so a copy of
the catalog is one of the lake. It is taken and put back by COPY, in one transaction each; pg_dump
would have to be there, no older than the server.
"""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import psycopg
from psycopg import sql

from warehouse.errors import DiskFullError, WarehouseDamagedError, WarehouseError
from warehouse.lake.importing import import_file
from warehouse.lake.lake import Lake, connect_catalog, explained
from warehouse.lake.opening import UNFINISHED, connect_lake, has_catalog, is_half_restored

PATTERN = "warehouse-*.lake"
NAME = "warehouse-%Y%m%d-%H%M%S"
BEFORE_PATTERN = "before-*.lake"
BEFORE = "before-%Y%m%d-%H%M%S.lake"
OWN = "ducklake_metadata"
"""Where the lake's data is, and in which format: a lake's own, whatever is put into it."""
CATALOG_TABLES = (
    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' "
    "AND table_name LIKE 'ducklake\\_%' AND table_type = 'BASE TABLE' ORDER BY table_name"
)
CHUNK_BYTES = 2**20


def back_up_lake(lake: Lake, folder: Path, now: datetime, keep: int) -> Path:
    """Copy the catalog, and delete all but the newest copies; one appears whole or not at all.

    Args:
        lake: the lake.
        folder: where copies are kept.
        now: becomes part of the name.
        keep: how many copies to keep, this one included.

    Returns:
        The copy.
    """
    copy = _write_copy(lake, folder / f"{now:{NAME}}.lake")
    for old in list_lake_backups(folder)[keep:]:
        old.unlink()
    return copy


def list_lake_backups(folder: Path) -> list[Path]:
    """The copies, newest first."""
    return sorted(folder.glob(PATTERN), reverse=True)


def oldest_moment(folder: Path, now: datetime) -> datetime:
    """When the oldest copy was taken, of a backup or before a restore; ``now`` without any. UTC.

    Raises:
        WarehouseError: the name of a copy does not tell.
    """
    moments = [now]
    for pattern, name in ((PATTERN, f"{NAME}.lake"), (BEFORE_PATTERN, BEFORE)):
        for copy in folder.glob(pattern):
            try:
                moments.append(datetime.strptime(copy.name, name).replace(tzinfo=UTC))
            except ValueError:
                raise WarehouseError(
                    f"{copy} has no name of a backup, so that nobody knows which data it needs: "
                    f"move it elsewhere"
                ) from None
    return min(moments)


def is_put_back(folder: Path) -> bool:
    """Whether a copy of what a restore replaced is there, whose data the catalog does not name."""
    return any(folder.glob(BEFORE_PATTERN))


def restore_lake(backup: Path, lake: Lake, folder: Path, now: datetime) -> Path | None:
    """Put a copy of a catalog, or of a warehouse in a file, in the place of what the lake has.

    What there was is replaced in one transaction. Where there was nothing, the lake is refused to
    everybody until it is whole.

    Args:
        backup: a copy of this lake's catalog, or a DuckDB file.
        lake: the lake; made when missing.
        folder: where copies are kept.
        now: becomes part of the name of the copy of what was there.

    Returns:
        The copy of what was there, which is never deleted, nor the data it needs; ``None`` if there
        was no lake.

    Raises:
        WarehouseError: there is no such copy, or it does not fit; nothing was changed.
        WarehouseDamagedError: it cannot be read; nothing was changed.
    """
    if not backup.is_file():
        raise WarehouseError(f"there is no backup {backup}")
    is_file = backup.suffix == ".duckdb"
    if not is_file:
        _check(backup)
    aside = None
    if not has_catalog(lake) or is_half_restored(lake):
        _refuse_to_others(lake)
    else:
        aside = _write_copy(lake, _unused(folder, now))
    with connect_lake(lake, begin_anew=True) as connection:
        if is_file:
            import_file(connection, backup)
    if not is_file:
        _put_back(lake, backup)
    _open_to_others(lake)
    return aside


def _unused(folder: Path, now: datetime) -> Path:
    """A name no earlier restore has; one of a second earlier keeps as much data, and more."""
    while (copy := folder / f"{now:{BEFORE}}").exists():
        now -= timedelta(seconds=1)
    return copy


def _refuse_to_others(lake: Lake) -> None:
    with connect_catalog(lake) as catalog:
        catalog.execute(f"CREATE TABLE IF NOT EXISTS {UNFINISHED} ()")


def _open_to_others(lake: Lake) -> None:
    with connect_catalog(lake) as catalog:
        catalog.execute(f"DROP TABLE IF EXISTS {UNFINISHED}")


def _write_copy(lake: Lake, copy: Path) -> Path:
    copy.parent.mkdir(parents=True, exist_ok=True)
    draft = copy.with_name(f".{copy.name}")
    try:
        with _catalog(lake) as catalog, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as whole:
            catalog.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            for table in _tables(catalog):
                with whole.open(f"{table}.csv", "w", force_zip64=True) as member:
                    for block in _copied_out(catalog, table):
                        member.write(block)
        draft.replace(copy)
    except OSError as error:
        raise DiskFullError(
            f"the catalog cannot be copied to {copy.parent} ({error.strerror or error}); make room "
            f"there, then do it again: nothing has changed"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return copy


@contextmanager
def _catalog(lake: Lake) -> Iterator[psycopg.Connection]:
    """One transaction on the catalog."""
    with connect_catalog(lake) as catalog:
        try:
            with catalog.transaction():
                yield catalog
        except psycopg.Error as error:
            raise explained(lake, error) from None


def _tables(catalog: psycopg.Connection) -> list[str]:
    return [str(name) for (name,) in catalog.execute(CATALOG_TABLES).fetchall()]


def _copied_out(catalog: psycopg.Connection, table: str) -> Iterator[bytes]:
    statement = sql.SQL("COPY {} TO STDOUT (FORMAT csv, HEADER)").format(sql.Identifier(table))
    with catalog.cursor().copy(statement) as rows:
        for block in rows:
            yield bytes(block)


def _check(backup: Path) -> None:
    """Read a copy to its end: a damaged one must not take the place of anything."""
    try:
        with zipfile.ZipFile(backup) as whole:
            damaged = whole.testzip()
            names = whole.namelist()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise WarehouseDamagedError(f"{backup} cannot be read: {error}") from error
    if damaged or "ducklake_snapshot.csv" not in names:
        raise WarehouseDamagedError(
            f"{backup} is no copy of the catalog of a DuckLake, or is damaged; see `vkflow restore "
            f"--list`"
        )


def _put_back(lake: Lake, backup: Path) -> None:
    """All rows of the catalog, in one transaction."""
    with _catalog(lake) as catalog, zipfile.ZipFile(backup) as whole:
        tables = _tables(catalog)
        if sorted(f"{table}.csv" for table in tables) != sorted(whole.namelist()):
            raise WarehouseError(
                f"{backup} is of another format than the catalog of {lake} has: restore it with "
                f"the vkflow that made it, then upgrade"
            )
        for table in tables:
            if table != OWN:
                catalog.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
                with whole.open(f"{table}.csv") as member:
                    header = member.readline().decode().strip()
                with whole.open(f"{table}.csv") as member:
                    _copy_in(catalog, table, header.split(","), member)


def _copy_in(
    catalog: psycopg.Connection, table: str, columns: list[str], member: IO[bytes]
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(
        sql.Identifier(table), sql.SQL(", ").join(sql.Identifier(name) for name in columns)
    )
    with catalog.cursor().copy(statement) as rows:
        while block := member.read(CHUNK_BYTES):
            rows.write(block)
