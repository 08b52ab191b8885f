"""Writes from frames behave like a dictionary keyed by the keys."""

from collections.abc import Iterator

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.writing import add_missing_rows, registered, replace_rows

SCHEMA = {"a": pl.Int64, "b": pl.String, "value": pl.Int64}
Rows = list[tuple[int, str, int | None]]

rows = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["x", "y", ""]), st.none() | st.integers(0, 9)),
    max_size=12,
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("CREATE TABLE things (a BIGINT, b VARCHAR, value BIGINT, extra VARCHAR)")
        yield opened


@pytest.fixture
def empty(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    connection.execute("DELETE FROM things")
    return connection


def frame(batch: Rows) -> pl.DataFrame:
    return pl.DataFrame(batch, schema=SCHEMA, orient="row")


def stored(connection: duckdb.DuckDBPyConnection) -> Rows:
    return connection.execute("SELECT a, b, value FROM things ORDER BY ALL").fetchall()


def as_rows(model: dict[tuple[int, str], int | None]) -> Rows:
    order = lambda row: (row[0], row[1])  # noqa: E731
    return sorted(((*key, value) for key, value in model.items()), key=order)


@settings(deadline=None)
@given(batches=st.lists(rows, max_size=4))
def test_replacing_rows_is_assigning_to_a_dictionary(
    connection: duckdb.DuckDBPyConnection, batches: list[Rows]
):
    connection.execute("DELETE FROM things")
    model: dict[tuple[int, str], int | None] = {}
    for batch in batches:
        update = {(a, b): value for a, b, value in batch}
        assert replace_rows(connection, "things", frame(batch), ("a", "b")) == len(update)
        model |= update
    assert stored(connection) == as_rows(model)


@settings(deadline=None)
@given(batches=st.lists(rows, max_size=4))
def test_adding_missing_rows_is_setting_defaults_of_a_dictionary(
    connection: duckdb.DuckDBPyConnection, batches: list[Rows]
):
    connection.execute("DELETE FROM things")
    model: dict[tuple[int, str], int | None] = {}
    for batch in batches:
        update = {(a, b): value for a, b, value in batch}
        added = add_missing_rows(connection, "things", frame(batch), ("a", "b"))
        assert added == len(update.keys() - model.keys())
        model = update | model
    assert stored(connection) == as_rows(model)


def test_an_unknown_key_is_replaced_like_any_other(empty: duckdb.DuckDBPyConnection):
    replace_rows(
        empty, "things", frame([(1, "x", 1)]).with_columns(b=pl.lit(None, pl.String)), "ab"
    )
    replace_rows(
        empty, "things", frame([(1, "x", 2)]).with_columns(b=pl.lit(None, pl.String)), "ab"
    )
    assert stored(empty) == [(1, None, 2)]


def test_columns_are_matched_by_name(empty: duckdb.DuckDBPyConnection):
    replace_rows(empty, "things", frame([(1, "x", 2)]).select("value", "b", "a"), ("a",))
    assert empty.execute("FROM things").fetchall() == [(1, "x", 2, None)]


def test_a_column_the_table_lacks_is_refused_and_nothing_is_lost(
    empty: duckdb.DuckDBPyConnection,
):
    replace_rows(empty, "things", frame([(1, "x", 2)]), ("a",))
    empty.execute("BEGIN")
    with pytest.raises(duckdb.BinderException, match="other"):
        replace_rows(empty, "things", frame([(1, "x", 3)]).rename({"value": "other"}), ("a",))
    empty.execute("ROLLBACK")
    assert stored(empty) == [(1, "x", 2)]


def test_a_registered_frame_is_gone_afterwards(empty: duckdb.DuckDBPyConnection):
    with registered(empty, "incoming", frame([(1, "x", 2)])):
        assert empty.execute("FROM incoming").fetchall() == [(1, "x", 2)]
    with pytest.raises(duckdb.CatalogException, match="incoming"):
        empty.execute("FROM incoming")
