"""A home of version 0.1 goes on under this one: nothing is lost, and every view answers."""

from pathlib import Path

import duckdb
import pytest

from warehouse.database import open_warehouse
from warehouse.errors import WarehouseDamagedError, WarehouseError
from warehouse.publishing import publish, read_snapshot

pytestmark = pytest.mark.file

OLD = Path(__file__).with_name("version_0_1.sql").read_text(encoding="utf-8")
KEPT = ("posts", "snapshots", "predictions", "models", "model_metrics", "runs", "quarantine")


@pytest.fixture
def warehouse(tmp_path: Path) -> Path:
    """The file, as version 0.1 left it."""
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(OLD)
    return path


def rows_of(path: Path, table: str, columns: str) -> list[tuple]:
    with duckdb.connect(str(path)) as connection:
        return connection.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall()


def test_every_row_is_there_afterwards(warehouse: Path) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        columns = {
            table: ", ".join(
                f'"{column}"' for column, *_ in connection.execute(f"DESCRIBE {table}").fetchall()
            )
            for table in KEPT
        }
    before = {table: rows_of(warehouse, table, columns[table]) for table in KEPT}
    for _ in range(2):  # opening it again changes nothing
        with open_warehouse(warehouse):
            pass
        assert {table: rows_of(warehouse, table, columns[table]) for table in KEPT} == before


def test_every_view_answers_and_the_snapshot_is_whole(warehouse: Path, tmp_path: Path) -> None:
    snapshot = tmp_path / "published" / "predictions.duckdb"
    with open_warehouse(warehouse) as connection:
        views = connection.execute(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal AND database_name = "
            "current_database()"
        ).fetchall()
        assert len(views) > 5
        for (view,) in views:
            connection.execute(f"SELECT * FROM {view}").fetchall()
        publish(connection, snapshot)
    wide = read_snapshot(snapshot, "SELECT owner_id, post_id, p_like FROM predictions_wide")
    assert sorted(wide.rows()) == [(-2, 1, 0.013), (-1, 1, 0.011), (-1, 2, 0.012)]
    outcomes = read_snapshot(
        snapshot, "SELECT owner_id, post_id FROM outcomes WHERE activity = 'like'"
    )
    assert set(outcomes.rows()) == {(-1, 1), (-2, 1)}


def test_a_verdict_of_then_keeps_its_interval_and_its_contents(warehouse: Path) -> None:
    with open_warehouse(warehouse) as connection:
        told = connection.execute(
            "SELECT lever, effect, adjusted_low, adjusted_high FROM insights ORDER BY lever"
        ).fetchall()
        text = connection.execute("SELECT text FROM posts WHERE owner_id = -2").fetchall()
    assert told == [("emoji", 0.2, 0.1, 0.3), ("links", 0.0, None, None)]
    assert text == [("Без даты",)]


@pytest.mark.parametrize("mine", ["TABLE owners (x INT)", "VIEW drafts AS SELECT 1 AS x"])
def test_what_somebody_made_of_a_new_name_is_told_and_nothing_changes(
    warehouse: Path, mine: str
) -> None:
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"CREATE {mine}")
    for _ in range(2):
        with (
            pytest.raises(WarehouseError, match=r"migration 00\d\d_\w+ cannot be applied"),
            open_warehouse(warehouse),
        ):
            pass
    assert len(rows_of(warehouse, "posts", "owner_id")) == 3


def test_a_table_that_somebody_dropped_is_told_with_the_remedy(warehouse: Path) -> None:
    with open_warehouse(warehouse):
        pass
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("DROP TABLE trial_posts CASCADE")
    with (
        pytest.raises(WarehouseDamagedError, match=r"trial_posts does not exist.*vkflow restore"),
        open_warehouse(warehouse) as connection,
    ):
        publish(connection, warehouse.parent / "published" / "predictions.duckdb")
