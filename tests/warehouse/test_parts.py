"""Work lists leave in parts; results come back with a row of the ledger each, all or nothing."""

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from warehouse.parts import in_parts, storing_parts

NOW = datetime(2026, 6, 1, 3, 30, 0, 123456, tzinfo=UTC)


def ledger(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute("FROM work_parts ORDER BY ALL").fetchall()


def add(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute("INSERT INTO watermarks VALUES (?, 'v')", [name])


@pytest.mark.parametrize(
    ("total", "rows", "sizes"), [(0, 5, []), (5, 5, [5]), (6_000, 2_500, [2_500, 2_500, 1_000])]
)
def test_a_list_comes_in_parts_of_so_many_rows_in_its_order(
    connection: duckdb.DuckDBPyConnection, total: int, rows: int, sizes: list[int]
) -> None:
    statement = "SELECT range AS number FROM range($total) ORDER BY number DESC"
    parts = list(in_parts(connection, statement, {"total": total}, rows))
    assert [len(part) for part in parts] == sizes
    assert [n for part in parts for n in part["number"]] == list(reversed(range(total)))


def test_parts_are_noted_with_what_they_brought(connection: duckdb.DuckDBPyConnection) -> None:
    with storing_parts(connection, "embed texts", {"a": 2, "b": 0}, NOW):
        add(connection, "x")
    assert ledger(connection) == [("embed texts", "a", 2, NOW), ("embed texts", "b", 0, NOW)]


def test_a_part_that_comes_again_keeps_its_row(connection: duckdb.DuckDBPyConnection) -> None:
    for hours in range(2):
        with storing_parts(connection, "embed texts", {"a": 2}, NOW + timedelta(hours=hours)):
            pass
    with storing_parts(connection, "tag pictures", {"a": 2}, NOW):
        pass
    assert ledger(connection) == [("embed texts", "a", 2, NOW), ("tag pictures", "a", 2, NOW)]


def test_what_cannot_be_stored_is_not_noted_either(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(RuntimeError), storing_parts(connection, "embed texts", {"a": 2}, NOW):
        add(connection, "x")
        raise RuntimeError
    assert ledger(connection) == []
    assert connection.execute("FROM watermarks").fetchall() == []
