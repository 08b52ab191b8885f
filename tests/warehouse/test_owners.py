"""Who owners are, and how many members they had when."""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from warehouse.owners import read_owners, write_owners

NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
SCHEMA = {
    "owner_id": pl.Int64,
    "name": pl.String,
    "screen_name": pl.String,
    "members": pl.Int64,
    "address": pl.String,
}


def owners(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([dict.fromkeys(SCHEMA) | row for row in rows], schema=SCHEMA)


def test_owners_are_as_they_were_told_last_and_keep_a_name_that_is_not_told_again(
    connection: duckdb.DuckDBPyConnection,
):
    first = [{"owner_id": -1, "name": "Cats", "members": 5}, {"owner_id": 2, "name": "Anna"}]
    later = {"owner_id": -1, "screen_name": "cats", "address": "https://vk.com/cats"}
    write_owners(connection, owners(*first), seen_at=NIGHT)
    assert write_owners(connection, owners(later), seen_at=NIGHT + timedelta(days=1)) == 1
    assert read_owners(connection).rows() == [
        (-1, "Cats", "cats", None, "https://vk.com/cats", NIGHT + timedelta(days=1)),
        (2, "Anna", None, None, None, NIGHT),
    ]


def test_members_are_kept_when_they_change_and_only_then(connection: duckdb.DuckDBPyConnection):
    for day, members in enumerate((5, 5, None, 5, 6, 5)):
        row = {"owner_id": -1, "members": members}
        write_owners(connection, owners(row), seen_at=NIGHT + timedelta(days=day))
    kept = connection.execute("SELECT seen_at, members FROM owner_members ORDER BY 1").fetchall()
    assert kept == [(NIGHT + timedelta(days=day), n) for day, n in ((0, 5), (4, 6), (5, 5))]


def test_no_owners_change_nothing(connection: duckdb.DuckDBPyConnection):
    assert write_owners(connection, owners(), seen_at=NIGHT) == 0
    assert read_owners(connection).is_empty()
