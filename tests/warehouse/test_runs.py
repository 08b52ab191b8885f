"""The run log of runs, and facts kept by name."""

from datetime import UTC, datetime, timedelta

import duckdb

from warehouse.constants import read_constant, write_constant
from warehouse.runs import finish_run, start_run

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
DAWN = NIGHT + timedelta(hours=1)


def test_a_run_that_never_ends_is_seen_running(connection: duckdb.DuckDBPyConnection):
    start_run(connection, "r1", "nightly", NIGHT)
    assert connection.execute("FROM runs").fetchall() == [
        ("r1", "nightly", NIGHT, None, "running", None)
    ]


def test_a_finished_run_keeps_its_counts(connection: duckdb.DuckDBPyConnection):
    start_run(connection, "r1", "nightly", NIGHT)
    start_run(connection, "r2", "pull", NIGHT)
    counts = {"posts": 3, "why": "новые"}
    finish_run(connection, "r1", finished_at=DAWN, status="completed", counts=counts)
    assert connection.execute("FROM runs ORDER BY run_id").fetchall() == [
        ("r1", "nightly", NIGHT, DAWN, "completed", '{"posts": 3, "why": "новые"}'),
        ("r2", "pull", NIGHT, None, "running", None),
    ]


def test_a_run_tried_again_begins_anew(connection: duckdb.DuckDBPyConnection):
    start_run(connection, "r1", "nightly", NIGHT)
    finish_run(connection, "r1", finished_at=DAWN, status="failed", counts={})
    start_run(connection, "r1", "nightly", DAWN)
    assert connection.execute("FROM runs").fetchall() == [
        ("r1", "nightly", DAWN, None, "running", None)
    ]


def test_a_fact_has_one_value(connection: duckdb.DuckDBPyConnection):
    assert read_constant(connection, "encoder_id") is None
    for value in ("a", "b", "b"):
        write_constant(connection, "encoder_id", value)
    write_constant(connection, "tagger_id", "c")
    assert read_constant(connection, "encoder_id") == "b"
    assert connection.execute(
        "SELECT count(*) FROM constants WHERE name = 'encoder_id'"
    ).fetchall() == [(1,)]
