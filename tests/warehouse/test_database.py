"""Opening the warehouse: storage format, locks, damage, transactions."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from warehouse.database import ROW_GROUP_ROWS, look_into, open_warehouse, transaction
from warehouse.errors import WarehouseDamagedError, WarehouseError, WarehouseLockedError
from warehouse.publishing import read_snapshot

HOLD = """
import sys
from pathlib import Path
from warehouse.database import open_warehouse

with open_warehouse(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.mark.file
def test_a_new_file_has_the_compact_storage_format(path: Path):
    with open_warehouse(path) as connection:
        tags = connection.execute(
            "SELECT tags['storage_version'] FROM duckdb_databases() "
            "WHERE database_name = current_database()"
        ).fetchall()
    assert tags == [("v1.5.0+",)]
    assert list(path.parent.iterdir()) == [path]


def test_folders_on_the_way_are_made(tmp_path: Path):
    path = tmp_path / "it's" / "new" / "warehouse.duckdb"
    with open_warehouse(path) as connection:
        assert connection.execute("SELECT count(*) FROM posts").fetchall() == [(0,)]


def test_what_was_written_is_there_when_opened_again(path: Path):
    with open_warehouse(path) as connection:
        connection.execute("INSERT INTO watermarks VALUES ('vk', '17')")
    with open_warehouse(path) as connection:
        assert connection.execute("FROM watermarks").fetchall() == [("vk", "17")]


def test_times_are_read_as_utc_wherever_the_machine_is(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with open_warehouse(path) as connection:
            row = connection.execute("SELECT '2026-06-01 12:00'::TIMESTAMPTZ").fetchone()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert row == (datetime(2026, 6, 1, 12, tzinfo=UTC),)


def test_the_memory_limit_is_set(path: Path):
    with open_warehouse(path, memory_limit="512MiB") as connection:
        limit = connection.execute("SELECT current_setting('memory_limit')").fetchone()
    assert limit == ("512.0 MiB",)


@pytest.mark.file
def test_a_file_held_elsewhere_is_an_error_that_names_the_process(path: Path):
    with held_by_another_process(path) as process:
        started = time.monotonic()
        with (
            pytest.raises(WarehouseLockedError, match=rf"process {process.pid} .*waited 1 s"),
            open_warehouse(path, wait_seconds=1),
        ):
            pass
        waited = time.monotonic() - started
    assert 1 <= waited < 5


@pytest.mark.file
def test_a_file_this_process_has_open_is_an_error_that_says_so(path: Path):
    with (
        open_warehouse(path),
        pytest.raises(WarehouseLockedError, match="held by this process itself; waited 1 s"),
        open_warehouse(path, wait_seconds=1),
    ):
        pass


@pytest.mark.file
def test_row_groups_are_small_so_that_adding_vectors_rewrites_little(path: Path):
    with open_warehouse(path) as connection:
        connection.execute("INSERT INTO watermarks SELECT i, '' FROM range(100_000) AS t(i)")
    with open_warehouse(path) as connection:
        (groups,) = connection.execute(
            "SELECT count(DISTINCT row_group_id) FROM pragma_storage_info('watermarks')"
        ).fetchone()
    assert groups == -(-100_000 // ROW_GROUP_ROWS)


@pytest.mark.file
def test_a_file_released_in_time_is_opened(path: Path):
    with held_by_another_process(path) as process:
        assert process.stdin is not None
        release = threading.Timer(0.7, process.stdin.close)
        release.start()
        started = time.monotonic()
        with open_warehouse(path, wait_seconds=60) as connection:
            assert time.monotonic() - started >= 0.5
            assert connection.execute("SELECT count(*) FROM posts").fetchall() == [(0,)]


@pytest.mark.file
def test_two_processes_that_make_the_file_at_once_both_get_it(path: Path):
    script = """
import sys
from pathlib import Path
from warehouse.database import open_warehouse

with open_warehouse(Path(sys.argv[1])) as connection:
    connection.execute("INSERT INTO watermarks VALUES (?, '')", [sys.argv[2]])
"""
    racers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), name]) for name in ("a", "b")
    ]
    assert [racer.wait() for racer in racers] == [0, 0]
    with open_warehouse(path) as connection:
        rows = connection.execute("SELECT source FROM watermarks ORDER BY source").fetchall()
    assert rows == [("a",), ("b",)]


@pytest.mark.file
@pytest.mark.parametrize("content", [b"", b"view,like\n1,2\n" * 1_000], ids=["empty", "text"])
def test_a_file_of_another_kind_is_not_taken_for_a_warehouse(path: Path, content: bytes):
    path.write_bytes(content)
    with pytest.raises(WarehouseDamagedError, match="not a DuckDB database"), open_warehouse(path):
        pass
    assert path.read_bytes() == content


@pytest.mark.file
def test_a_file_cut_short_is_damaged(path: Path):
    with open_warehouse(path) as connection:
        connection.execute("INSERT INTO watermarks SELECT i, '' FROM range(100000) AS t(i)")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WarehouseDamagedError, match="vkflow restore"), open_warehouse(path) as held:
        held.execute("SELECT count(DISTINCT source) FROM watermarks").fetchall()


@pytest.mark.file
def test_a_flipped_block_is_damage(path: Path):
    with open_warehouse(path) as connection:
        connection.execute("INSERT INTO watermarks SELECT i, '' FROM range(100000) AS t(i)")
    content = bytearray(path.read_bytes())
    content[20_000:20_200] = bytes(200)
    path.write_bytes(content)
    with pytest.raises(WarehouseDamagedError, match="checksum"), open_warehouse(path) as held:
        held.execute("SELECT count(DISTINCT source) FROM watermarks").fetchall()


def test_a_place_where_no_file_can_be_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "warehouse.duckdb"
    with pytest.raises(WarehouseError, match=f"{path} cannot be made"), open_warehouse(path):
        pass


def test_a_transaction_is_stored_whole(connection: duckdb.DuckDBPyConnection):
    with transaction(connection):
        connection.execute("INSERT INTO watermarks VALUES ('a', '1')")
        connection.execute("INSERT INTO watermarks VALUES ('b', '2')")
    assert connection.execute("FROM watermarks").fetchall() == [("a", "1"), ("b", "2")]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_transaction_that_fails_leaves_nothing(
    connection: duckdb.DuckDBPyConnection, failure: type[BaseException]
):
    with pytest.raises(failure), transaction(connection):
        connection.execute("INSERT INTO watermarks VALUES ('a', '1')")
        raise failure
    assert connection.execute("FROM watermarks").fetchall() == []


def test_a_statement_that_fails_undoes_those_before_it(connection: duckdb.DuckDBPyConnection):
    with pytest.raises(duckdb.ConstraintException), transaction(connection):
        connection.execute("INSERT INTO watermarks VALUES ('a', '1')")
        connection.execute("INSERT INTO watermarks VALUES ('b', NULL)")
    assert connection.execute("FROM watermarks").fetchall() == []


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of 6 MiB; only root may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)])
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_is_named_and_nothing_of_the_transaction_stays(small_disk: Path):
    path = small_disk / "warehouse.duckdb"
    rows = "INSERT INTO watermarks SELECT uuid()::VARCHAR, uuid()::VARCHAR FROM range(200000)"
    with open_warehouse(path) as connection:
        connection.execute("INSERT INTO watermarks VALUES ('kept', '1')")
    with (
        pytest.raises(WarehouseError, match="is full; make room"),
        open_warehouse(path) as connection,
        transaction(connection),
    ):
        connection.execute(rows)
    with open_warehouse(path) as connection:
        assert connection.execute("FROM watermarks").fetchall() == [("kept", "1")]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
@pytest.mark.parametrize("name", ["warehouse.duckdb", "warehouse.duckdb.wal"])
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path, make, name: str):
    path = tmp_path / "warehouse.duckdb"
    open_and_close(path)
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)
    looks = (look_into, lambda place: read_snapshot(place, "SELECT 1"), open_and_close)
    for look in looks:
        with pytest.raises(WarehouseError, match="is no file"):
            look(path)


def open_and_close(path: Path) -> None:
    with open_warehouse(path):
        pass


def test_too_little_memory_is_said_in_a_sentence(tmp_path: Path):
    with (
        pytest.raises(WarehouseError, match="memory"),
        open_warehouse(tmp_path / "warehouse.duckdb", memory_limit="1KB"),
    ):
        pass
