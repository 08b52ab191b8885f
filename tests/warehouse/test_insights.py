from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.insights import read_insights, write_insights
from warehouse.publishing import publish, read_snapshot
from warehouse.schema import query

NIGHT = datetime(2026, 11, 2, tzinfo=UTC)
ADVICE = pl.DataFrame(
    {
        "owner_id": [None, None, -1],
        "activity": ["comment", "comment", "comment"],
        "lever": ["question", "emoji", "question"],
        "level": ["yes", "yes", "yes"],
        "verdict": ["raises", "unclear", "raises"],
        "effect": [0.18, 0.01, 0.3],
        "low": [0.09, -0.02, 0.1],
        "high": [0.27, 0.04, 0.5],
        "adjusted_low": [0.05, None, 0.05],
        "adjusted_high": [0.3, None, 0.6],
        "placebo_effect": [0.01, 0.02, None],
        "placebo_p_value": [0.7, 0.4, None],
        "p_value": [0.001, 0.5, 0.01],
        "q_value": [0.01, 0.5, 0.01],
        "base_rate": [0.0002, 0.0002, 0.0003],
        "n_posts": [412, 900, 60],
        "n_owners": [37, 40, 1],
    }
)


def write(connection: duckdb.DuckDBPyConnection, as_of: datetime, rows: pl.DataFrame) -> int:
    return write_insights(connection, rows, as_of=as_of, model_version="m1")


def test_advice_of_a_moment_comes_back_as_it_was_written(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert write(connection, NIGHT, ADVICE) == 3
    read = read_insights(connection, NIGHT)
    assert set(read["model_version"]) == {"m1"}
    key = ["owner_id", "lever"]
    assert read.select(ADVICE.columns).sort(key).equals(ADVICE.sort(key))


def test_advice_of_the_same_moment_replaces_all_of_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    write(connection, NIGHT, ADVICE)
    write(connection, NIGHT, ADVICE.head(1))
    assert connection.execute("SELECT count(*) FROM insights").fetchone() == (1,)


def test_a_moment_reads_the_newest_advice_by_then(connection: duckdb.DuckDBPyConnection) -> None:
    write(connection, NIGHT, ADVICE)
    write(connection, NIGHT + timedelta(days=1), ADVICE.head(1))
    assert len(read_insights(connection, NIGHT + timedelta(hours=5))) == 3
    assert len(read_insights(connection, NIGHT + timedelta(days=9))) == 1
    assert read_insights(connection, NIGHT - timedelta(days=1)).is_empty()


@pytest.fixture
def snapshot(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> Path:
    write(connection, NIGHT - timedelta(days=1), ADVICE)
    write(connection, NIGHT, ADVICE)
    publish(connection, tmp_path / "predictions.duckdb")
    return tmp_path / "predictions.duckdb"


def test_people_with_sql_read_advice_in_the_snapshot(snapshot: Path) -> None:
    assert len(read_snapshot(snapshot, "SELECT * FROM insights WHERE activity = 'comment'")) == 6


def test_the_query_for_analysts_shows_what_is_evident_with_its_interval(snapshot: Path) -> None:
    shown = read_snapshot(snapshot, query("analyst/advice"))
    columns = ("owner_id", "lever", "effect_percent", "low_percent", "high_percent")
    assert shown.select(columns).rows() == [
        (None, "question", 18.0, 5.0, 30.0),
        (-1, "question", 30.0, 5.0, 60.0),
    ]
