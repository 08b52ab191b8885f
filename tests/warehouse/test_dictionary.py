"""The data dictionary against the real tables, and the analysts' queries against real nights."""

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa

from tests.conftest import Nights
from warehouse.database import open_warehouse
from warehouse.publishing import open_snapshot, read_snapshot

FOLDER = Path(__file__).parents[2] / "warehouse"
QUERIES = sorted((FOLDER / "queries" / "analyst").glob("*.sql"))
OPTIONAL = {key: ["owner_id", "post_id", "vector"] for key in ("image_vectors", "text_vectors")}
"""Only with ``publish.vectors``."""
COLUMNS = "SELECT table_name, column_name FROM duckdb_columns() WHERE NOT internal"


def documented() -> dict[str, dict[str, list[str]]]:
    """Columns by table, by part of the dictionary: published, and warehouse only."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    _, published, warehouse = re.split(r"^## .*$", text, flags=re.MULTILINE)
    return {
        name: {
            table: re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
            for table, section in re.findall(r"^### `(\w+)`$(.*?)(?=^### |\Z)", part, re.M | re.S)
        }
        for name, part in (("published", published), ("warehouse", warehouse))
    }


def real(connection: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    for table, column in connection.execute(COLUMNS).fetchall():
        tables.setdefault(table, []).append(column)
    return tables


def test_every_published_column_is_explained(nights: Nights) -> None:
    with open_snapshot(nights.home / "published" / "predictions.duckdb") as connection:
        assert documented()["published"] == real(connection) | OPTIONAL


def test_every_column_of_the_warehouse_is_explained(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        tables = real(connection)
    dictionary = documented()
    assert dictionary["published"] | dictionary["warehouse"] == tables | OPTIONAL


def test_every_table_says_what_one_row_is() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    tables = sum(len(part) for part in documented().values())
    assert len(re.findall(r"^One row is ", text, flags=re.MULTILINE)) == tables > 25


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_every_query_runs_and_says_what_one_row_is(file: Path, nights: Nights) -> None:
    statement = file.read_text(encoding="utf-8")
    assert statement.startswith("-- One row per ")
    read_snapshot(nights.home / "published" / "predictions.duckdb", statement)


def test_queries_find_something(nights: Nights) -> None:
    """Two nights have forecasts, outcomes, categories and a model, but no bad rows."""
    empty = [
        file.stem
        for file in QUERIES
        if read_snapshot(
            nights.home / "published" / "predictions.duckdb", file.read_text(encoding="utf-8")
        ).is_empty()
    ]
    assert set(empty) <= {
        "quarantine_reasons",
        "same_picture_again",
        "same_text_elsewhere",
        "best_hour_by_owner",
        "advice",
        "trials",
    }
    assert len(QUERIES) >= 12


def test_sqlalchemy_reads_the_snapshot(nights: Nights) -> None:
    engine = sa.create_engine(
        f"duckdb:///{nights.home}/published/predictions.duckdb",
        connect_args={"read_only": True},
    )
    table = sa.Table("posts", sa.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        posts = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        wide = connection.execute(sa.text("SELECT count(*) FROM predictions_wide")).scalar_one()
    engine.dispose()  # or the file stays open in this process, in SQLAlchemy's way
    assert posts > wide > 0


@pytest.mark.parametrize("file", QUERIES, ids=lambda file: file.stem)
def test_duckdbs_command_line_runs_every_query_while_the_warehouse_is_held(
    file: Path, nights: Nights
) -> None:
    snapshot = nights.home / "published" / "predictions.duckdb"
    duckdb_program = Path(sys.executable).with_name("duckdb")
    with open_warehouse(nights.home / "warehouse.duckdb"):
        done = subprocess.run(
            [duckdb_program, "-readonly", "-bail", snapshot],
            stdin=file.open(),
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
