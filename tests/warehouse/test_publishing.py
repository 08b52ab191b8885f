"""The published snapshot: whole, without vectors unless asked, swapped while others read."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.errors import QueryError, WarehouseDamagedError, WarehouseError
from warehouse.publishing import is_published, publish, read_answers, read_snapshot

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


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    return tmp_path / "it's published" / "predictions.duckdb"


@pytest.fixture
def filled(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add, add_predictions: Add
) -> duckdb.DuckDBPyConnection:
    add_posts({"post_id": 1, "text": "cat"}, {"post_id": 2, "text": "dog"})
    add_snapshots({"post_id": 1, "observed_at": NIGHT, "views": 100, "likes": 25})
    add_predictions({"post_id": 1, "probability": 0.5, "scored_at": NIGHT})
    connection.execute("INSERT INTO text_embeddings VALUES ('h', 'e', [1, 2], 2, false)")
    return connection


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


def test_without_a_snapshot_the_remedy_is_named(snapshot: Path):
    with pytest.raises(WarehouseError, match=r"(?s)does not exist yet.*vkflow nightly"):
        read_snapshot(snapshot, "SELECT 1")
    assert not snapshot.exists()


def test_a_damaged_snapshot_is_named(snapshot: Path):
    snapshot.parent.mkdir()
    snapshot.write_text("not a database" * 1_000)
    with pytest.raises(WarehouseDamagedError, match=f"{snapshot} is not a DuckDB database"):
        read_snapshot(snapshot, "SELECT 1")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM text_embeddings", "text_embeddings does not exist"),
        ("SELECT nothing FROM posts", '"nothing" not found'),
        ("", "no statement"),
        ("-- only a comment", "no statement"),
        ("SELECT 'a'::INTEGER", "Could not convert"),
    ],
)
def test_a_query_that_does_not_run_is_an_error_with_the_words_of_duckdb(
    filled: duckdb.DuckDBPyConnection, snapshot: Path, statement: str, message: str
):
    publish(filled, snapshot)
    with pytest.raises(QueryError, match=message):
        read_snapshot(snapshot, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM posts",
        "INSERT INTO posts FROM posts",
        "UPDATE posts SET text = ''",
        "DROP TABLE posts",
        "CREATE TABLE mine AS SELECT 1",
        "CREATE OR REPLACE VIEW leaderboard AS SELECT 1",
    ],
)
def test_a_query_cannot_change_the_snapshot(
    filled: duckdb.DuckDBPyConnection, snapshot: Path, statement: str
):
    publish(filled, snapshot)
    before = snapshot.read_bytes()
    with pytest.raises(QueryError, match="read-only"):
        read_snapshot(snapshot, statement)
    assert snapshot.read_bytes() == before


@pytest.mark.parametrize(
    "statement",
    [
        "COPY (SELECT 1) TO '{folder}/made'",
        "SELECT 1; COPY (SELECT 1) TO '{folder}/made'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/made'",
        "EXPORT DATABASE '{folder}/made'",
        "ATTACH '{folder}/other.duckdb' AS other",
        "FROM read_text('{folder}/secret.csv')",
        "FROM '{folder}/secret.csv'",
        "FROM glob('{folder}/*')",
        "SET log_query_path = '{folder}/made'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "FROM secret",
        "SELECT 1 \0; DROP TABLE posts",
        "SELECT '\udcff'",
        "SELECT union_value(a := 1)",
    ],
)
def test_query_gets_at_nothing_but_the_snapshot(
    filled: duckdb.DuckDBPyConnection, snapshot: Path, tmp_path: Path, statement: str
):
    publish(filled, snapshot)
    folder = tmp_path / "beside"
    folder.mkdir()
    (folder / "secret.csv").write_text("a\nsecret\n")
    duckdb.connect(str(folder / "other.duckdb")).close()
    secret = pl.DataFrame({"a": [1]})
    before = sorted(folder.iterdir())
    with pytest.raises(QueryError):
        read_snapshot(snapshot, statement.format(folder=folder))
    assert sorted(folder.iterdir()) == before
    assert len(secret) == 1


def test_times_of_the_snapshot_are_utc_wherever_the_machine_is(
    filled: duckdb.DuckDBPyConnection, snapshot: Path, monkeypatch: pytest.MonkeyPatch
):
    publish(filled, snapshot)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        table = read_snapshot(snapshot, "SELECT scored_at FROM predictions")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert table.schema == {"scored_at": pl.Datetime("us", "UTC")}
    assert table.rows() == [(NIGHT,)]


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


def test_ctrl_c_ends_a_query_that_takes_long(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    query = "SELECT count(*) FROM range(200000) a, range(200000) b WHERE a.range * b.range = 7"
    began = time.monotonic()
    person = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    person.start()
    with pytest.raises(KeyboardInterrupt):
        read_snapshot(tmp_path / "snapshot.duckdb", query)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "value",
    [
        *("TIMESTAMP 'infinity'", "DATE '-infinity'", "DATE '12000-01-01'"),
        *("TIMESTAMP_S 'infinity'", "[TIMESTAMP_S '-infinity']"),
        *("[DATE 'infinity']", "{'a': [TIMESTAMP 'infinity']}", "MAP {'k': DATE 'infinity'}"),
    ],
)
def test_times_of_no_calendar_are_told(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, value: str
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    with pytest.raises(QueryError, match="it has times outside of the calendar"):
        read_snapshot(tmp_path / "snapshot.duckdb", f"SELECT NULL AS none, {value} AS it")
    told = read_snapshot(tmp_path / "snapshot.duckdb", "SELECT DATE '9999-12-31', NULL::TIMESTAMP")
    assert len(told) == 1


@pytest.mark.parametrize(
    "value",
    ["INTERVAL 1 DAY", "[INTERVAL 1 DAY]", "{'a': union_value(b := 1)}", "1::BIGNUM", "1::VARIANT"],
)
def test_values_of_a_kind_that_is_not_read_are_told(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, value: str
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    with pytest.raises(QueryError, match="not read: cast it to VARCHAR"):
        read_snapshot(tmp_path / "snapshot.duckdb", f"SELECT {value} AS it")


def test_of_several_statements_each_answers_in_batches(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    text = (
        "SET VARIABLE n = 25000; SELECT 7 AS seven; -- and\nFROM range(getvariable('n')::BIGINT);"
    )
    answers = read_answers(tmp_path / "snapshot.duckdb", text)
    assert pl.concat(next(answers)).rows() == [(7,)]
    lengths = [len(batch) for batch in next(answers)]
    assert lengths[0] == 0 and sum(lengths) == 25_000 and max(lengths) <= 10_240
    assert next(answers, None) is None


def test_limit_too_small_to_open_the_snapshot_is_told(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    with pytest.raises(WarehouseError, match="memory"):
        next(read_answers(tmp_path / "snapshot.duckdb", "SELECT 1", "1KB"))


def test_snapshot_that_is_open_for_writing_here_is_told(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """As when predictions are exported into the snapshot itself."""
    publish(connection, tmp_path / "snapshot.duckdb")
    (tmp_path / "snapshot.duckdb").chmod(0o600)
    with (
        duckdb.connect(str(tmp_path / "snapshot.duckdb")),
        pytest.raises(WarehouseError, match="cannot be used"),
    ):
        read_snapshot(tmp_path / "snapshot.duckdb", "SELECT 1")


def test_several_statements_where_one_is_expected_are_refused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    with pytest.raises(QueryError, match="2 statements where one was expected"):
        read_snapshot(tmp_path / "snapshot.duckdb", "SELECT 1; SELECT 2")


def test_pivot_is_one_query_though_duckdb_makes_two_of_it(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    pivot = "PIVOT (SELECT range % 2 AS k, range AS v FROM range(4)) ON k USING sum(v)"
    assert read_snapshot(tmp_path / "snapshot.duckdb", pivot).to_dicts() == [{"0": 2, "1": 4}]


@pytest.mark.parametrize(
    ("statement", "answer"),
    [
        ("INSERT INTO t VALUES (7) RETURNING a", [(7,)]),
        ("UPDATE t SET a = 2 RETURNING a", [(2,)]),
        ("DELETE FROM t returning a", [(1,)]),
    ],
)
def test_what_is_returned_of_a_change_is_an_answer(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, statement: str, answer: list[tuple[int]]
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    text = f"CREATE TEMP TABLE t AS SELECT 1 AS a; INSERT INTO t FROM t LIMIT 0; {statement}"
    (only,) = (pl.concat(each) for each in read_answers(tmp_path / "snapshot.duckdb", text))
    assert only.rows() == answer


def test_rows_that_are_large_come_few_at_a_time(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    text = (
        "SELECT range AS n, repeat('a', CASE WHEN n < 100 THEN 0 ELSE 1000000 END) FROM range(140)"
    )
    (batches,) = map(list, read_answers(tmp_path / "snapshot.duckdb", text))
    assert pl.concat(batches)["n"].to_list() == list(range(140))
    assert max(batch.estimated_size() for batch in batches) <= 2**24


def test_columns_of_the_same_name_are_numbered(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    answer = read_snapshot(tmp_path / "snapshot.duckdb", "SELECT 1 AS a, 2 AS a, 3 AS a_1, 4 AS a")
    assert answer.to_dicts() == [{"a": 1, "a_1": 2, "a_1_1": 3, "a_2": 4}]
