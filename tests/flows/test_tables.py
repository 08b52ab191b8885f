import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from flows import tables
from flows.tables import as_csv
from tests.command import vkflow
from warehouse.database import open_warehouse
from warehouse.errors import QueryError
from warehouse.publishing import publish

RUN = "from flows.command_line import main; main()"
LONG = "repeat('a', 100000000)"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home where nothing but empty tables is published."""
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        publish(connection, tmp_path / "published" / "predictions.duckdb")
    return tmp_path


@pytest.mark.parametrize(
    ("query", "limit", "message"),
    [
        (f"SELECT {LONG} a, {LONG} b, {LONG} c", "300MB", "VKFLOW_WAREHOUSE__MEMORY_LIMIT"),
        (f"SELECT {LONG} FROM range(10)", "600MB", "VKFLOW_WAREHOUSE__MEMORY_LIMIT"),
        ("SELECT repeat('a', 20000000)", "600MB", "a row of the answer has 19 MiB, where 16"),
    ],
)
def test_large_rows_end_a_query_in_a_sentence(
    home: Path, query: str, limit: str, message: str
) -> None:
    """Polars ended the process, or waited for ever for a thread that had no memory."""
    result = vkflow("sql", "--csv", query, home=home, VKFLOW_WAREHOUSE__MEMORY_LIMIT=limit)
    assert (result.returncode, result.stderr.count("\n")) == (1, 1)
    assert message in result.stderr


@pytest.mark.parametrize("options", [[], ["--csv"]], ids=["table", "csv"])
def test_encoding_that_lacks_characters_is_told(home: Path, options: list[str]) -> None:
    result = vkflow("sql", *options, "SELECT 'ж'", home=home, PYTHONIOENCODING="ascii")
    assert result.returncode == 1
    assert result.stderr == (
        "vkflow: the output is in ascii, which lacks characters: set PYTHONIOENCODING=utf-8\n"
    )


def test_closed_output_is_no_reason_to_fail(home: Path) -> None:
    command = f"{sys.executable} -c '{RUN}' sql --csv 'SELECT 1' >&-"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "VKFLOW_HOME": str(home)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_a_terminal_without_columns_is_one(home: Path) -> None:
    result = vkflow("sql", "SELECT 7", home=home, COLUMNS="0")
    assert "7" in result.stdout


def test_names_of_backups_do_nothing(home: Path) -> None:
    (home / "backups").mkdir()
    (home / "backups" / "warehouse-\x1b[2J.duckdb").touch()
    assert r"warehouse-\x1b[2J.duckdb" in vkflow("restore", "--list", home=home).stdout


def test_rows_that_take_much_json_are_written_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "MAX_CHARACTERS", 20)
    frame = pl.DataFrame({"a": [[1] * n for n in (3, 4, 5)]})
    assert as_csv(frame) == 'a\n"[1, 1, 1]"\n"[1, 1, 1, 1]"\n"[1, 1, 1, 1, 1]"\n'
    with pytest.raises(QueryError, match="a row takes more than 20 characters"):
        as_csv(pl.DataFrame({"a": [[1] * 9]}))
