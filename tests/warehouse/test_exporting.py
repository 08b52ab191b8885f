"""Reading what is published, in batches."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.errors import WarehouseError
from warehouse.exporting import LONG, OWNERS, WIDE, published_rows
from warehouse.publishing import publish

SCORED = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def snapshot(connection: duckdb.DuckDBPyConnection, add_posts, add_predictions, tmp_path: Path):
    posts = [{"post_id": number, "text": f"text {number}"} for number in range(2_500)]
    add_posts(*posts)
    add_predictions(
        *(
            {"post_id": number, "activity": activity, "probability": 0.5, "scored_at": SCORED}
            for number in range(2_500)
            for activity in ("like", "hide")
        )
    )
    path = tmp_path / "published.duckdb"
    publish(connection, path)
    return path


def test_rows_come_in_batches_in_the_order_of_their_keys(snapshot: Path):
    batches = list(published_rows(snapshot, WIDE, 1_000))
    assert batches[0].is_empty()
    assert all(len(batch) <= 2_048 for batch in batches)  # DuckDB hands out whole vectors
    rows = pl.concat(batches)
    assert rows["post_id"].to_list() == list(range(2_500))
    assert rows.row(7, named=True)["p_hide"] == 0.5
    assert rows["scored_at"].dtype == pl.Datetime("us", "UTC")
    assert sum(map(len, published_rows(snapshot, LONG, 1_000))) == 5_000


def test_columns_come_without_any_rows(connection: duckdb.DuckDBPyConnection, tmp_path: Path):
    publish(connection, tmp_path / "published.duckdb")
    (batch,) = published_rows(tmp_path / "published.duckdb", LONG, 1_000)
    assert {"owner_id", "post_id", "activity", "probability"} <= set(batch.columns)


def test_nothing_published_says_what_to_do(tmp_path: Path):
    with pytest.raises(WarehouseError, match="Run `vkflow nightly` first"):
        next(published_rows(tmp_path / "published.duckdb", WIDE, 10))


def test_owners_come_with_their_names(snapshot: Path, connection: duckdb.DuckDBPyConnection):
    connection.execute(
        "INSERT INTO owners BY NAME SELECT -1 AS owner_id, 'Cats' AS name, 5 AS members, "
        "'https://vk.com/cats' AS address, now() AS seen_at"
    )
    publish(connection, snapshot)
    rows = pl.concat(published_rows(snapshot, OWNERS, 1_000))
    assert rows.select("owner_id", "name", "members", "address").rows() == [
        (-1, "Cats", 5, "https://vk.com/cats")
    ]
    assert pl.concat(published_rows(snapshot, WIDE, 1_000))["owner_name"].unique().item() == "Cats"
