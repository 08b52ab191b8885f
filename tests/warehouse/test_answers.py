"""What a query of the snapshot is answered, and what it is refused."""

import os
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.errors import QueryError, WarehouseDamagedError, WarehouseError
from warehouse.publishing import publish, read_answers, read_snapshot


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
    assert table.rows() == [(datetime(2026, 6, 1, 3, tzinfo=UTC),)]


def test_ctrl_c_ends_a_query_that_takes_long(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publish(connection, tmp_path / "snapshot.duckdb")
    query = "SELECT count(*) FROM range(200000) a, range(200000) b WHERE a.range * b.range = 7"
    # A shell that runs tests in the background has them ignore it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    began = time.monotonic()
    person = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    person.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            read_snapshot(tmp_path / "snapshot.duckdb", query)
    finally:
        signal.signal(signal.SIGINT, before)
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
