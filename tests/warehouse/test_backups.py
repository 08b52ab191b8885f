from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.conftest import Add
from warehouse.backups import back_up, list_backups, restore
from warehouse.database import open_warehouse
from warehouse.errors import WarehouseDamagedError, WarehouseError

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
