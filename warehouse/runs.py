"""The run log of runs."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb

from warehouse.database import transaction
from warehouse.reading import first_row


def start_run(
    connection: duckdb.DuckDBPyConnection, run_id: str, flow: str, started_at: datetime
) -> None:
    """Note that a run has begun."""
    with transaction(connection):
        connection.execute("DELETE FROM runs WHERE run_id = ?", [run_id])
        connection.execute(
            "INSERT INTO runs VALUES (?, ?, ?, NULL, 'running', NULL)", [run_id, flow, started_at]
        )


def finish_run(
    connection: duckdb.DuckDBPyConnection,
    run_id: str,
    *,
    finished_at: datetime,
    status: str,
    counts: Mapping[str, object],
) -> None:
    """Note how a run ended and what it did."""
    with transaction(connection):
        connection.execute(
            "UPDATE runs SET finished_at = ?, status = ?, counts = ? WHERE run_id = ?",
            [finished_at, status, json.dumps(counts, ensure_ascii=False), run_id],
        )


def newest_start(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """When the newest run began, UTC; ``None`` before the first one."""
    row = first_row(connection.execute("SELECT max(started_at) FROM runs"))
    return row[0].astimezone(UTC) if row and row[0] else None
