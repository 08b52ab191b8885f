"""Opening the warehouse, a file or a lake: migrated, with its views in place."""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.errors import WarehouseDamagedError, WarehouseError, WarehouseLockedError
from warehouse.lake.kept import forget_full_lakes, forget_lakes, lake_session
from warehouse.lake.lake import Lake
from warehouse.lake.lake import explained as explained_of_lake
from warehouse.memory import return_memory
from warehouse.reading import first_row
from warehouse.schema import migrate, migrations, refresh_views

STORAGE_VERSION = "v1.5.0"
ROW_GROUP_ROWS = 2_048
"""DuckDB rewrites a row group as a whole, and keeps it in memory meanwhile: with its own 122,880
rows that would be hundreds of megabytes of vectors for every chunk that is added, and with 8,192
of long texts. This is the smallest number it takes."""
POLL_SECONDS = 0.2
TRACES = ("backups/warehouse-*.duckdb", "published/*.duckdb", "*.duckdb.before-*")
"""What a warehouse leaves in its folder."""

SIGN_OF_FULL_DISK = "No space left on device"
SIGNS_OF_HOLDER = ("Could not set lock", "already attached")
SIGNS_OF_DAMAGE = ("not a valid DuckDB", "Could not read enough bytes", "Corrupt database file")


@contextmanager
def open_warehouse(
    path: Path | Lake,
    *,
    label_maturity_hours: int = 72,
    as_of: datetime | None = None,
    wait_seconds: float = 60,
    memory_limit: str | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse for reading and writing; close it on leaving.

    Hold it for short work only: while it is open no other process can read or write a file.

    Args:
        path: the DuckDB file, or the DuckLake; made when missing.
        label_maturity_hours: age of a post after which a snapshot of it is mature.
        as_of: the views see only snapshots observed until then; ``None``: all of them.
        wait_seconds: how long to wait while another process holds the file.
        memory_limit: DuckDB's ``memory_limit``, such as ``4GB``.

    Raises:
        WarehouseError: it is missing where there was one, or cannot be made.
        WarehouseLockedError: the file is still held by another process.
        WarehouseUnreachableError: the lake's catalog does not answer.
        WarehouseNewerError: the file was written by a newer vkflow.
        WarehouseDamagedError: the file is not a DuckDB database, or part of it is lost.
    """
    connection = lake_session(path) if isinstance(path, Lake) else _connect(path, wait_seconds)
    try:
        connection.execute("SET TimeZone = 'UTC'")
        # Long queries would draw bars into the log of a run.
        connection.execute("SET enable_progress_bar = false")
        if memory_limit:
            connection.execute("SET memory_limit = ?", [memory_limit])
        migrate(connection)
        _set_label_maturity(connection, label_maturity_hours)
        refresh_views(connection)
        if as_of is not None:
            connection.execute("SET VARIABLE as_of = ?::TIMESTAMPTZ", [as_of])
        yield connection
    except duckdb.Error as error:
        forget_lakes()
        if _is_of_the_place(error):
            # Of a lake DuckDB may quote how it is reached.
            raise explained(path, error) from (None if isinstance(path, Lake) else error)
        if isinstance(error, duckdb.CatalogException):
            raise WarehouseDamagedError(
                f"{path} lacks something that vkflow has made in it, or has something else of its "
                f"name ({str(error).partition(chr(10))[0]}). `vkflow restore` puts the newest "
                f"backup in its place."
            ) from error
        raise
    finally:
        connection.close()
        forget_full_lakes()
        return_memory()


def _is_of_the_place(error: duckdb.Error) -> bool:
    """Whether a disk, memory or a server fails; of PostgreSQL DuckDB says so in its base class."""
    place = duckdb.IOException | duckdb.OutOfMemoryException | duckdb.TransactionException
    is_of_any_kind = type(error) is duckdb.Error
    return isinstance(error, place) or is_of_any_kind or SIGN_OF_FULL_DISK in str(error)


def look_into(path: Path) -> tuple[int, int]:
    """How many posts a warehouse has, and how many migrations it lacks; changes nothing.

    Raises:
        WarehouseLockedError: another process writes it.
        WarehouseDamagedError: the file is not a DuckDB database, or part of it is lost.
    """
    refuse_odd_file(path)
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            applied, posts = (_count(connection, name) for name in ("schema_migrations", "posts"))
    except duckdb.Error as error:
        if any(sign in str(error) for sign in SIGNS_OF_HOLDER):
            raise WarehouseLockedError(_lock_message(path, str(error), 0)) from None
        raise explained(path, error) from error
    return posts, max(len(migrations()) - applied, 0)


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    try:
        row = first_row(connection.table(table).aggregate("count(*)"))
    except duckdb.CatalogException:  # not made yet
        return 0
    return int(row[0]) if row else 0


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All statements inside, or none of them."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def create_database(path: Path) -> None:
    """Make an empty DuckDB file, in the storage format that is smallest for vectors.

    A rename makes it appear whole: two processes starting at once cannot see half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"ATTACH '{_quoted(draft)}' AS draft (STORAGE_VERSION '{STORAGE_VERSION}')"
        )
        connection.execute("DETACH draft")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _connect(path: Path, wait_seconds: float) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + wait_seconds
    refuse_odd_file(path)
    while True:
        try:
            if not path.exists():
                refuse_to_begin_anew(path)
                create_database(path)
            return _attached(path)
        except (duckdb.IOException, duckdb.BinderException) as error:
            if not any(sign in str(error) for sign in SIGNS_OF_HOLDER):
                raise explained(path, error) from error
            if time.monotonic() >= deadline:
                raise WarehouseLockedError(_lock_message(path, str(error), wait_seconds)) from None
        except OSError as error:
            raise WarehouseError(f"{path} cannot be made: {error}") from error
        time.sleep(POLL_SECONDS)


def refuse_odd_file(path: Path) -> None:
    """DuckDB would wait for ever for somebody to write into a pipe.

    Raises:
        WarehouseError: it, or the log beside it, is there and no regular file.
    """
    for file in (path, path.with_name(f"{path.name}.wal")):
        if file.exists() and not file.is_file():
            raise WarehouseError(
                f"{file} is no file, but a folder, a pipe or the like: move it away"
            )


def refuse_to_begin_anew(path: Path) -> None:
    """An empty warehouse where there was one would be published, and backed up over the copies.

    Raises:
        WarehouseError: there was one.
    """
    remains = (file for trace in TRACES for file in sorted(path.parent.glob(trace)))
    if (found := next(remains, None)) is not None:
        raise WarehouseError(
            f"{path} is gone, but {found} says that there was a warehouse. `vkflow restore` puts "
            f"the newest backup in its place. To begin anew, move {found.name} elsewhere first."
        )


def _attached(path: Path) -> duckdb.DuckDBPyConnection:
    """The file as the database in use; only ATTACH takes the size of row groups."""
    connection = duckdb.connect(config={"temp_directory": f"{path}.tmp"})
    try:
        connection.execute(
            f"ATTACH '{_quoted(path)}' AS warehouse (ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
        )
        connection.execute("USE warehouse")
    except BaseException:
        connection.close()
        raise
    return connection


def _lock_message(path: Path, message: str, waited: float) -> str:
    holder = re.search(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)", message)
    other = "this process itself" if "already attached" in message else "another process"
    who = f"process {holder['pid']} ({holder['program']})" if holder else other
    return (
        f"{path} is held by {who}; waited {waited:.0f} s. Only one run may write the "
        f"warehouse: let that one finish, or end it. To read, query the published snapshot."
    )


def explained(path: Path | Lake, error: duckdb.Error) -> WarehouseError:
    """DuckDB's complaint about a file or a lake as an error of the warehouse."""
    if isinstance(path, Lake):
        return explained_of_lake(path, error)
    if any(sign in str(error) for sign in SIGNS_OF_DAMAGE):
        return WarehouseDamagedError(
            f"{path} is not a DuckDB database, or is damaged ({error}). "
            f"`vkflow restore` puts the newest backup of the warehouse in its place, "
            f"`vkflow publish` writes the published snapshot anew."
        )
    if SIGN_OF_FULL_DISK in str(error):
        return WarehouseError(f"the disk of {path} is full; make room, then run it again")
    return WarehouseError(f"{path} cannot be used: {error}")


def _set_label_maturity(connection: duckdb.DuckDBPyConnection, hours: int) -> None:
    name = "label_maturity_hours"
    stored = connection.execute("SELECT value FROM constants WHERE name = ?", [name]).fetchall()
    if stored == [(str(hours),)]:
        return
    with transaction(connection):
        connection.execute("DELETE FROM constants WHERE name = ?", [name])
        connection.execute("INSERT INTO constants VALUES (?, ?)", [name, str(hours)])


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
