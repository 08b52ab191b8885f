from pathlib import Path

import polars as pl
import pytest

from flows import tables
from flows.tables import as_csv
from tests.command import vkflow
from warehouse.database import open_warehouse
from warehouse.errors import QueryError
from warehouse.publishing import publish

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


def test_rows_that_take_much_json_are_written_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "MAX_CHARACTERS", 20)
    frame = pl.DataFrame({"a": [[1] * n for n in (3, 4, 5)]})
    assert as_csv(frame) == 'a\n"[1, 1, 1]"\n"[1, 1, 1, 1]"\n"[1, 1, 1, 1, 1]"\n'
    with pytest.raises(QueryError, match="a row takes more than 20 characters"):
        as_csv(pl.DataFrame({"a": [[1] * 9]}))
