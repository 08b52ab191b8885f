"""Who is champion, since when and why."""

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl
import pytest

from warehouse.errors import WarehouseError
from warehouse.models import (
    champion_version,
    decide,
    find_by_fingerprint,
    is_decided,
    list_models,
    previous_champion,
    read_metrics,
    write_model,
)

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
METRICS = {
    "activity": pl.String,
    "split": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


def night(number: int) -> datetime:
    return NIGHT + timedelta(days=number)


def metrics(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=METRICS, orient="row")


def add(
    connection: duckdb.DuckDBPyConnection,
    model_version: str,
    created_at: datetime = NIGHT,
    measured: pl.DataFrame | None = None,
) -> None:
    write_model(
        connection,
        model_version=model_version,
        created_at=created_at,
        trained_on=(night(-90), None),
        n_posts=1_000,
        manifest=f'{{"fingerprint": "print of {model_version}"}}',
        metrics=metrics() if measured is None else measured,
    )


def statuses(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(connection.execute("SELECT model_version, status FROM models").fetchall())


def test_a_new_bundle_is_a_challenger(connection: duckdb.DuckDBPyConnection):
    add(connection, "m1")
    assert connection.execute("FROM models").fetchall() == [
        ("m1", NIGHT, "challenger", night(-90), None, 1_000, '{"fingerprint": "print of m1"}')
    ]
    assert not is_decided(connection, "m1")
    assert champion_version(connection, night(9)) is None


def test_a_bundle_is_promoted_with_a_reason(connection: duckdb.DuckDBPyConnection):
    add(connection, "m1")
    decide(connection, "m1", promoted=True, reason="the first", decided_at=NIGHT)
    assert statuses(connection) == {"m1": "champion"}
    assert is_decided(connection, "m1")
    assert connection.execute("FROM promotions").fetchall() == [
        (NIGHT, "m1", "promoted", "the first")
    ]


def test_a_new_champion_retires_the_old_one(connection: duckdb.DuckDBPyConnection):
    for number, name in enumerate(["m1", "m2"]):
        add(connection, name)
        decide(connection, name, promoted=True, reason="better", decided_at=night(number))
    assert statuses(connection) == {"m1": "retired", "m2": "champion"}


def test_a_bundle_turned_down_leaves_the_champion_alone(connection: duckdb.DuckDBPyConnection):
    add(connection, "m1")
    decide(connection, "m1", promoted=True, reason="the first", decided_at=NIGHT)
    add(connection, "m2")
    decide(connection, "m2", promoted=False, reason="worse", decided_at=night(1))
    assert statuses(connection) == {"m1": "champion", "m2": "rejected"}
    assert is_decided(connection, "m2")
    assert champion_version(connection, night(2)) == "m1"


def test_a_night_of_the_past_uses_the_champion_of_its_time(
    connection: duckdb.DuckDBPyConnection,
):
    for number, name in {1: "m1", 3: "m2"}.items():
        add(connection, name)
        decide(connection, name, promoted=True, reason="better", decided_at=night(number))
    assert [champion_version(connection, night(number)) for number in range(5)] == [
        None,
        "m1",
        "m1",
        "m2",
        "m2",
    ]


def test_of_two_promotions_of_one_moment_the_second_counts(
    connection: duckdb.DuckDBPyConnection,
):
    for name in ("m2", "m1"):
        add(connection, name)
        decide(connection, name, promoted=True, reason="by hand", decided_at=NIGHT)
    assert champion_version(connection, NIGHT) == "m1"
    assert statuses(connection) == {"m2": "retired", "m1": "champion"}


def test_a_retired_champion_can_come_back(connection: duckdb.DuckDBPyConnection):
    for number, name in enumerate(["m1", "m2", "m1"]):
        add(connection, name)
        decide(connection, name, promoted=True, reason="by hand", decided_at=night(number))
    assert statuses(connection) == {"m1": "champion", "m2": "retired"}
    assert champion_version(connection, night(9)) == "m1"
    assert previous_champion(connection) == "m2"


def test_without_an_earlier_champion_there_is_no_way_back(
    connection: duckdb.DuckDBPyConnection,
):
    add(connection, "m1")
    decide(connection, "m1", promoted=True, reason="the first", decided_at=NIGHT)
    with pytest.raises(WarehouseError, match="no earlier champion"):
        previous_champion(connection)


def test_an_unknown_bundle_cannot_be_promoted(connection: duckdb.DuckDBPyConnection):
    add(connection, "m1")
    decide(connection, "m1", promoted=True, reason="the first", decided_at=NIGHT)
    with pytest.raises(WarehouseError, match="no model m7"):
        decide(connection, "m7", promoted=True, reason="by hand", decided_at=NIGHT)
    assert statuses(connection) == {"m1": "champion"}
    assert not is_decided(connection, "m7")


def test_metrics_are_replaced_with_their_bundle(connection: duckdb.DuckDBPyConnection):
    first = metrics(("like", "test", "loss", 0.5, 0.4, 0.6), ("open", "test", "loss", 0.1, 0, 1))
    second = metrics(("like", "test", "loss", 0.25, None, None))
    add(connection, "m1", measured=first)
    add(connection, "m2", measured=first)
    add(connection, "m1", measured=second)
    assert read_metrics(connection, "m1").rows() == second.rows()
    assert read_metrics(connection, "m2").rows() == first.rows()
    assert read_metrics(connection, "m3").is_empty()


def test_a_bundle_is_found_by_what_it_was_trained_on(connection: duckdb.DuckDBPyConnection):
    add(connection, "m1")
    add(connection, "m2")
    assert find_by_fingerprint(connection, "print of m2") == "m2"
    assert find_by_fingerprint(connection, "print of m3") is None


def test_bundles_are_listed_newest_first_with_the_last_reason(
    connection: duckdb.DuckDBPyConnection,
):
    for number in range(3):
        add(connection, f"m{number}", night(number))
    decide(connection, "m0", promoted=True, reason="the first", decided_at=night(0))
    decide(connection, "m1", promoted=True, reason="better", decided_at=night(1))
    decide(connection, "m0", promoted=True, reason="by hand", decided_at=night(2))
    assert list_models(connection).rows() == [
        ("m2", "challenger", night(2), 1_000, None),
        ("m1", "retired", night(1), 1_000, "better"),
        ("m0", "champion", night(0), 1_000, "by hand"),
    ]
