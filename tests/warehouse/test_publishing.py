"""The published snapshot: whole, without vectors unless asked, swapped while others read."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from warehouse.publishing import is_published, publish, read_snapshot

Add = Callable[..., None]
NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
TABLES = {
    "owners",
    "posts",
    "labels",
    "grown_labels",
    "current_growth",
    "predictions",
    "images",
    "image_tags",
    "models",
    "model_metrics",
    "experiments",
    "backtests",
    "drift",
    "insights",
    "quarantine",
    "drafts",
    "draft_predictions",
    "trials",
    "trial_posts",
}
VIEWS = {
    "outcomes",
    "outcomes_wide",
    "latest_predictions",
    "predictions_wide",
    "prediction_outcomes",
    "calibration",
    "leaderboard",
    "draft_outcomes",
    "trial_outcomes",
    "near_duplicates",
}

OPEN = (sys.executable, "-c", "import duckdb, sys; duckdb.connect(sys.argv[1])")
"""As an analyst does who forgets that it is only to be read."""

READ_ONCE = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    print(connection.execute("SELECT count(*) FROM predictions").fetchone()[0])
"""
READ_UNTIL_TOLD = """
import json, pathlib, sys, duckdb

path, stop = sys.argv[1], pathlib.Path(sys.argv[2])
seen, errors, reads = set(), [], 0
while reads == 0 or not stop.exists():
    try:
        with duckdb.connect(path, read_only=True) as connection:
            posts = connection.execute("SELECT count(*) FROM posts").fetchone()[0]
            scored = connection.execute("SELECT count(*) FROM predictions_wide").fetchone()[0]
            seen.add((posts, scored))
    except Exception as error:
        errors.append(repr(error))
    reads += 1
    if reads == 1:
        print("reading", flush=True)
print(json.dumps({"seen": sorted(seen), "errors": errors, "reads": reads}))
"""


def test_the_snapshot_has_the_listed_tables_and_views_and_no_vectors(
    filled: duckdb.DuckDBPyConnection, snapshot: Path
):
    publish(filled, snapshot)
    relations = read_snapshot(
        snapshot, "SELECT table_name, table_type FROM information_schema.tables"
    )
    assert dict(relations.iter_rows()) == dict.fromkeys(TABLES, "BASE TABLE") | dict.fromkeys(
        VIEWS, "VIEW"
    )
    lists = "SELECT column_name FROM information_schema.columns WHERE data_type LIKE '%]'"
    assert read_snapshot(snapshot, lists).is_empty()


def test_the_snapshot_says_what_the_warehouse_says(
    filled: duckdb.DuckDBPyConnection, snapshot: Path
):
    publish(filled, snapshot)
    for relation in sorted(TABLES | VIEWS):
        statement = f"FROM {relation} ORDER BY ALL"
        assert read_snapshot(snapshot, statement).equals(filled.execute(statement).pl())
    assert read_snapshot(snapshot, "SELECT rate, is_forecast FROM prediction_outcomes").rows() == [
        (0.25, False)
    ]


def test_the_snapshot_lies_alone_in_its_folder(filled: duckdb.DuckDBPyConnection, snapshot: Path):
    for _ in range(2):
        publish(filled, snapshot)
    assert list(snapshot.parent.iterdir()) == [snapshot]
    assert filled.execute(
        "SELECT count(*) FROM duckdb_databases() WHERE database_name = 'draft'"
    ).fetchall() == [(0,)]


def test_publishing_that_fails_leaves_the_old_snapshot_and_no_draft(
    filled: duckdb.DuckDBPyConnection, snapshot: Path
):
    publish(filled, snapshot)
    filled.execute("ALTER TABLE model_metrics RENAME TO elsewhere")
    with pytest.raises(duckdb.CatalogException, match="model_metrics"):
        publish(filled, snapshot)
    assert list(snapshot.parent.iterdir()) == [snapshot]
    assert read_snapshot(snapshot, "SELECT count(*) FROM posts").rows() == [(2,)]
    filled.execute("ALTER TABLE elsewhere RENAME TO model_metrics")
    publish(filled, snapshot)


def test_another_process_reads_it_while_the_warehouse_is_open_for_writing(
    filled: duckdb.DuckDBPyConnection, snapshot: Path
):
    publish(filled, snapshot)
    filled.execute("BEGIN")
    filled.execute("INSERT INTO predictions SELECT * REPLACE (9 AS post_id) FROM predictions")
    command = [sys.executable, "-c", READ_ONCE, str(snapshot)]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    filled.execute("COMMIT")
    assert read.stdout == "1\n"


def test_who_has_the_old_snapshot_open_goes_on_reading_it(
    filled: duckdb.DuckDBPyConnection, snapshot: Path, add_posts: Add
):
    publish(filled, snapshot)
    script = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as connection:
    for line in sys.stdin:
        print(connection.execute("SELECT count(*) FROM posts").fetchone()[0], flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", script, str(snapshot)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as reader:
        assert reader.stdin is not None and reader.stdout is not None
        reader.stdin.write("\n")
        assert reader.stdout.readline() == "2\n"
        add_posts({"post_id": 3})
        publish(filled, snapshot)
        reader.stdin.write("\n")
        assert reader.stdout.readline() == "2\n"
        reader.stdin.close()
    assert read_snapshot(snapshot, "SELECT count(*) FROM posts").rows() == [(3,)]


def test_a_reader_sees_no_error_and_no_half_snapshot_during_twenty_publishes(
    filled: duckdb.DuckDBPyConnection,
    snapshot: Path,
    tmp_path: Path,
    add_posts: Add,
    add_predictions: Add,
):
    publish(filled, snapshot)
    stop = tmp_path / "stop"
    with subprocess.Popen(
        [sys.executable, "-c", READ_UNTIL_TOLD, str(snapshot), str(stop)],
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        try:
            assert reader.stdout is not None
            assert reader.stdout.readline() == "reading\n"
            for number in range(20):
                add_posts({"post_id": 10 + number})
                add_predictions({"post_id": 10 + number, "probability": 0.5, "scored_at": NIGHT})
                publish(filled, snapshot)
                time.sleep(0.05)
        finally:
            stop.touch()
        report = json.loads(reader.stdout.readline())
    assert report["errors"] == []
    assert report["reads"] >= 5
    assert len(report["seen"]) >= 3
    assert all(posts == scored + 1 for posts, scored in report["seen"])


def test_nobody_may_write_the_snapshot(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    snapshot = tmp_path / "published" / "predictions.duckdb"
    publish(connection, snapshot)
    assert stat.S_IMODE(snapshot.stat().st_mode) == 0o444
    publish(connection, snapshot)
    assert is_published(snapshot)


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_analyst_cannot_lock_the_readers_out(
    connection: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        snapshot = Path(folder) / "predictions.duckdb"
        publish(connection, snapshot)
        opened = subprocess.run(
            ["setpriv", "--reuid", "65534", "--clear-groups", *OPEN, snapshot],
            capture_output=True,
            text=True,
        )
        assert opened.returncode != 0 and "Permission denied" in opened.stderr
        assert read_snapshot(snapshot, "FROM posts").is_empty()


def test_log_of_somebody_who_wrote_the_snapshot_is_gone_with_the_next_one(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    snapshot = tmp_path / "predictions.duckdb"
    publish(connection, snapshot)
    snapshot.chmod(0o644)
    write = (
        "import duckdb, os, sys; connection = duckdb.connect(sys.argv[1]); "
        "connection.execute('CREATE TABLE mine AS SELECT 1 AS one'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", write, snapshot], check=True)
    log = snapshot.with_name("predictions.duckdb.wal")
    assert log.exists() and not is_published(snapshot)
    publish(connection, snapshot)
    assert not log.exists()
    assert read_snapshot(snapshot, "FROM posts").is_empty()
    assert is_published(snapshot)
