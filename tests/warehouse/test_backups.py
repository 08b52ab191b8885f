import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.conftest import Add
from warehouse import catalogs
from warehouse.backups import back_up, list_backups, restore
from warehouse.database import open_warehouse
from warehouse.errors import WarehouseDamagedError, WarehouseError

pytestmark = pytest.mark.file

NIGHT = datetime(2026, 11, 2, tzinfo=UTC)


def posts_in(path: Path) -> int:
    with open_warehouse(path) as connection:
        return connection.execute("SELECT count(*) FROM posts").fetchone()[0]


def test_newest_copies_are_kept(
    connection: duckdb.DuckDBPyConnection, path: Path, add_posts: Add, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    for night in range(4):
        add_posts({"post_id": night})
        back_up(connection, path, folder, NIGHT + timedelta(days=night), keep=2)
    copies = list_backups(folder)
    assert [copy.name for copy in copies] == [
        "warehouse-20261105-000000.duckdb",
        "warehouse-20261104-000000.duckdb",
    ]
    assert [posts_in(copy) for copy in copies] == [4, 3]


def test_restored_warehouse_has_what_it_had_and_the_old_file_is_kept(
    connection: duckdb.DuckDBPyConnection, path: Path, add_posts: Add, tmp_path: Path
) -> None:
    add_posts({"post_id": 1})
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    add_posts({"post_id": 2})
    connection.close()
    content = path.read_bytes()
    aside = restore(copy, path, NIGHT)
    assert posts_in(path) == 1
    assert aside.read_bytes() == content


def test_damaged_warehouse_is_replaced(
    connection: duckdb.DuckDBPyConnection, path: Path, add_posts: Add, tmp_path: Path
) -> None:
    add_posts({"post_id": 1})
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    connection.close()
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(WarehouseDamagedError, match="vkflow restore"), open_warehouse(path):
        pass
    restore(copy, path, NIGHT)
    assert posts_in(path) == 1


def test_lost_warehouse_is_put_back(
    connection: duckdb.DuckDBPyConnection, path: Path, tmp_path: Path
) -> None:
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    connection.close()
    path.unlink()
    assert restore(copy, path, NIGHT) is None
    assert posts_in(path) == 0


def test_damaged_or_missing_copy_changes_nothing(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"old")
    bad = tmp_path / "warehouse-1.duckdb"
    bad.write_bytes(b"x" * 5000)
    with pytest.raises(WarehouseError):
        restore(bad, path, NIGHT)
    with pytest.raises(WarehouseError, match="there is no backup"):
        restore(tmp_path / "missing.duckdb", path, NIGHT)
    assert path.read_bytes() == b"old"


def test_copy_that_fails_leaves_nothing_half_written(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("warehouse.backups.shutil.copyfile", full)
    with pytest.raises(OSError, match="No space"):
        back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    assert list((tmp_path / "backups").iterdir()) == []


KILLED = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from warehouse import backups

steps = int(sys.argv[3])

def killing(call):
    def counted(*arguments, **more):
        global steps
        if steps == 0:
            os._exit(9)
        steps -= 1
        return call(*arguments, **more)
    return counted

backups.os.link = killing(os.link)
Path.replace = killing(Path.replace)
Path.unlink = killing(Path.unlink)
backups.restore(Path(sys.argv[1]), Path(sys.argv[2]), datetime.now(UTC))
"""


LEAVE_LOG = (
    "import duckdb, os, sys; connection = duckdb.connect(sys.argv[1]); "
    "connection.execute('CREATE TABLE other AS SELECT 1'); os._exit(0)"
)


def has_logged_rows(path: Path) -> bool:
    with duckdb.connect(str(path)) as connection:
        return ("other",) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()


@pytest.mark.parametrize("steps", range(6))
def test_killed_restore_never_parts_the_old_warehouse_from_what_was_logged(
    connection: duckdb.DuckDBPyConnection, path: Path, add_posts: Add, tmp_path: Path, steps: int
) -> None:
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    add_posts({"post_id": 1})
    connection.close()
    subprocess.run([sys.executable, "-c", LEAVE_LOG, path], check=True)
    assert path.with_name(f"{path.name}.wal").exists()
    subprocess.run([sys.executable, "-c", KILLED, copy, path, str(steps)])
    if has_logged_rows(path):
        assert posts_in(path) == 1  # the old one, whole
    else:
        assert posts_in(path) == 0  # the copy
        (kept,) = (file for file in path.parent.glob("*.before-*") if file.suffix != ".wal")
        assert has_logged_rows(kept) and posts_in(kept) == 1


def test_log_of_a_damaged_warehouse_is_kept_beside_it(
    connection: duckdb.DuckDBPyConnection, path: Path, tmp_path: Path
) -> None:
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    connection.close()
    log = path.with_name(f"{path.name}.wal")
    path.write_bytes(b"not a database" * 1000)
    log.write_bytes(b"logged")
    aside = restore(copy, path, NIGHT)
    assert aside.with_name(f"{aside.name}.wal").read_bytes() == b"logged"
    assert not log.exists() and posts_in(path) == 0


def test_warehouse_that_cannot_be_kept_is_said_so_and_stays(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    connection.close()
    before = path.read_bytes()

    def no_links(*_arguments: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("warehouse.backups.os.link", no_links)
    with pytest.raises(WarehouseError, match=r"second name \(Operation not permitted\)") as raised:
        restore(copy, path, NIGHT)
    assert "make room" not in str(raised.value)
    assert path.read_bytes() == before and not list(path.parent.glob(".warehouse*"))


def test_restore_while_another_holds_a_logged_warehouse_changes_nothing(
    connection: duckdb.DuckDBPyConnection, path: Path, add_posts: Add, tmp_path: Path
) -> None:
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    add_posts({"post_id": 1})
    assert path.with_name(f"{path.name}.wal").exists()
    script = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path; "
        "from warehouse.backups import restore; "
        "restore(Path(sys.argv[1]), Path(sys.argv[2]), datetime.now(UTC))"
    )
    other = subprocess.run(
        [sys.executable, "-c", script, copy, path], capture_output=True, text=True
    )
    assert "WarehouseError" in other.stderr and "lock" in other.stderr
    connection.close()
    assert posts_in(path) == 1 and not list(path.parent.glob("*.before-*"))


@pytest.mark.parametrize("steps", range(6))
def test_killed_restore_leaves_a_warehouse_and_can_be_done_again(
    connection: duckdb.DuckDBPyConnection, path: Path, add_posts: Add, tmp_path: Path, steps: int
) -> None:
    add_posts({"post_id": 1})
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    connection.close()
    subprocess.run([sys.executable, "-c", LEAVE_LOG, path], check=True)
    assert path.with_name(f"{path.name}.wal").exists()
    command = [sys.executable, "-c", KILLED, copy, path, str(steps)]
    killed = subprocess.run(command)
    assert killed.returncode in (0, 9)
    assert posts_in(path) == 1
    restore(copy, path, NIGHT)
    assert posts_in(path) == 1


@pytest.mark.parametrize(
    "trace",
    [
        "backups/warehouse-20261101-000000.duckdb",
        "published/predictions.duckdb",
        "warehouse.duckdb.before-20261101-000000",
    ],
)
def test_no_empty_warehouse_takes_the_place_of_one_that_is_gone(tmp_path: Path, trace: str) -> None:
    path = tmp_path / "warehouse.duckdb"
    (tmp_path / trace).parent.mkdir(exist_ok=True)
    (tmp_path / trace).write_bytes(b"x")
    with pytest.raises(WarehouseError, match="vkflow restore"), open_warehouse(path):
        pass
    with pytest.raises(WarehouseError, match="vkflow restore"):
        catalogs.describe(path)
    assert not path.exists()


def test_snapshot_is_no_backup(tmp_path: Path, path: Path) -> None:
    with duckdb.connect(str(tmp_path / "predictions.duckdb")) as other:
        other.execute("CREATE TABLE predictions AS SELECT 1 AS one")
    path.write_bytes(b"old")
    with pytest.raises(WarehouseError, match="no copy of a warehouse"):
        restore(tmp_path / "predictions.duckdb", path, NIGHT)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("DROP TABLE snapshots", "no copy of a warehouse"),
        ("INSERT INTO schema_migrations VALUES (9999, 'later', now())", "Upgrade this one"),
        (
            "ALTER TABLE schema_migrations RENAME COLUMN version TO number",
            "schema_migrations is somebody else's; see `vkflow restore --list`",
        ),
    ],
)
def test_copy_of_another_kind_or_of_the_future_is_not_put_back(
    tmp_path: Path, path: Path, change: str, problem: str
) -> None:
    with open_warehouse(tmp_path / "other.duckdb"):
        pass
    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute(change)
    path.write_bytes(b"old")
    with pytest.raises(WarehouseError, match=rf"other\.duckdb .*{problem}"):
        restore(tmp_path / "other.duckdb", path, NIGHT)
    assert path.read_bytes() == b"old"


def test_what_is_no_file_is_no_backup(tmp_path: Path) -> None:
    (tmp_path / "warehouse-20261101-000000.duckdb").write_bytes(b"x")
    (tmp_path / "warehouse-20261102-000000.duckdb").mkdir()
    (tmp_path / "warehouse-20261103-000000.duckdb").symlink_to("gone")
    assert [file.name for file in list_backups(tmp_path)] == ["warehouse-20261101-000000.duckdb"]


def test_full_disk_is_said_in_a_sentence_and_nothing_is_changed(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)

    def full(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("warehouse.backups.shutil.copyfile", full)
    before = path.read_bytes()
    with pytest.raises(WarehouseError, match="make room"):
        restore(copy, path, NIGHT)
    with pytest.raises(WarehouseError, match="make room"):
        back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".*"))


def test_restoring_twice_in_a_second_keeps_both_old_files(
    connection: duckdb.DuckDBPyConnection, path: Path, tmp_path: Path
) -> None:
    copy = back_up(connection, path, tmp_path / "backups", NIGHT, keep=1)
    connection.close()
    asides = {restore(copy, path, NIGHT) for _ in range(3)}
    assert len(asides) == 3 and all(aside.exists() for aside in asides)
