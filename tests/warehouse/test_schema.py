"""Migrations run once and in order; views follow the code."""

from pathlib import Path

import duckdb
import pytest

from warehouse import schema
from warehouse.database import open_warehouse
from warehouse.errors import WarehouseNewerError

FIRST = "CREATE TABLE things (name VARCHAR)"
SECOND = "ALTER TABLE things ADD COLUMN size INTEGER; INSERT INTO things VALUES ('a', 1)"
TENTH = "UPDATE things SET size = size * 10"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Migrations of another program, so that there are several."""
    directory = tmp_path / "code" / "migrations"
    directory.mkdir(parents=True)
    for name, sql in {"0010_tens": TENTH, "0002_sizes": SECOND, "0001_things": FIRST}.items():
        (directory / f"{name}.sql").write_text(sql)
    monkeypatch.setattr(schema, "FOLDER", directory.parent)
    return directory


def history(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, str]]:
    return connection.execute("SELECT version, name FROM schema_migrations").fetchall()


def test_migrations_run_in_the_order_of_their_numbers(folder: Path):
    connection = duckdb.connect()
    assert schema.migrate(connection) == [1, 2, 10]
    assert connection.execute("FROM things").fetchall() == [("a", 10)]
    assert history(connection) == [(1, "things"), (2, "sizes"), (10, "tens")]


def test_migrations_run_once(folder: Path):
    connection = duckdb.connect()
    schema.migrate(connection)
    assert schema.migrate(connection) == []
    assert connection.execute("FROM things").fetchall() == [("a", 10)]


@pytest.mark.parametrize("number", [3, 11])
def test_only_what_is_missing_runs_after_an_upgrade(folder: Path, number: int):
    connection = duckdb.connect()
    schema.migrate(connection)
    (folder / f"{number:04}_more.sql").write_text("INSERT INTO things VALUES ('b', 2)")
    assert schema.migrate(connection) == [number]
    assert connection.execute("FROM things").fetchall() == [("a", 10), ("b", 2)]


def test_a_migration_that_fails_is_undone_whole_and_tried_again(folder: Path):
    broken = folder / "0003_broken.sql"
    broken.write_text("INSERT INTO things VALUES ('b', 2); INSERT INTO nowhere VALUES (1)")
    connection = duckdb.connect()
    with pytest.raises(duckdb.CatalogException, match="nowhere"):
        schema.migrate(connection)
    assert connection.execute("FROM things").fetchall() == [("a", 1)]
    assert history(connection) == [(1, "things"), (2, "sizes")]

    broken.write_text("INSERT INTO things VALUES ('b', 2)")
    assert schema.migrate(connection) == [3, 10]


def test_the_warehouse_has_all_its_migrations_and_none_runs_again(path: Path):
    with open_warehouse(path) as connection:
        first = connection.execute("FROM schema_migrations").fetchall()
    with open_warehouse(path) as connection:
        assert schema.migrate(connection) == []
        assert connection.execute("FROM schema_migrations").fetchall() == first
    assert [version for version, *_ in first] == list(schema.migrations())


def test_a_file_of_a_newer_vkflow_is_refused_by_both_versions(path: Path):
    with open_warehouse(path) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (9999, 'ducklake', now())")
    newest = max(schema.migrations())
    with (
        pytest.raises(WarehouseNewerError, match=rf"version 9999, .* knows up to {newest}\b"),
        open_warehouse(path),
    ):
        pass


def test_a_view_that_changed_in_the_code_changes_in_the_file(path: Path):
    with open_warehouse(path) as connection:
        before = connection.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchall()
        connection.execute("CREATE OR REPLACE VIEW labels AS SELECT 1 AS old")
        connection.execute("UPDATE constants SET value = 'of old code' WHERE name = 'views'")
    with open_warehouse(path) as connection:
        after = connection.execute("SELECT sql FROM duckdb_views() WHERE NOT internal").fetchall()
    assert sorted(after) == sorted(before)


def test_opening_again_does_not_write_the_views_again(path: Path):
    with open_warehouse(path) as connection:
        connection.execute("CREATE OR REPLACE VIEW labels AS SELECT 1 AS mine")
    with open_warehouse(path) as connection:
        assert connection.execute("FROM labels").fetchall() == [(1,)]


def test_there_is_no_foreign_key_and_no_fixed_size_array(connection: duckdb.DuckDBPyConnection):
    """DuckLake, which may hold the tables later, knows neither."""
    constraints = connection.execute(
        "SELECT DISTINCT constraint_type FROM duckdb_constraints()"
    ).fetchall()
    types = connection.execute("SELECT DISTINCT data_type FROM duckdb_columns()").fetchall()
    assert constraints == [("NOT NULL",)]
    assert not [name for (name,) in types if name.endswith("]") and not name.endswith("[]")]
