"""Rejected rows and watermarks: what of a source was refused, and how far it has been read."""

from datetime import UTC, datetime, timedelta

import duckdb
import polars as pl

from warehouse.posts import read_watermark, write_quarantine, write_watermark

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
NEXT_NIGHT = NIGHT + timedelta(days=1)


def complaints(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    return connection.execute("SELECT source, key, reason FROM quarantine ORDER BY ALL").fetchall()


def rejected(*rows: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame(
        [(*row, "{}") for row in rows],
        schema={"key": pl.String, "reason": pl.String, "payload": pl.String},
        orient="row",
    )


def keys(*accepted: str) -> pl.DataFrame:
    return pl.DataFrame({"key": accepted}, schema={"key": pl.String})


def test_rejected_rows_are_kept_with_their_reason(connection: duckdb.DuckDBPyConnection):
    frame = rejected(("0_1", "bad"), ("0_2", "worse"))
    added = write_quarantine(connection, "vk", frame, accepted_keys=keys(), seen_at=NIGHT)
    assert added == 2
    assert connection.execute("FROM quarantine ORDER BY key").fetchall() == [
        ("vk", "0_1", "bad", "{}", NIGHT),
        ("vk", "0_2", "worse", "{}", NIGHT),
    ]


def test_a_row_rejected_again_is_kept_once_with_the_last_night(
    connection: duckdb.DuckDBPyConnection,
):
    for night in (NIGHT, NEXT_NIGHT):
        write_quarantine(
            connection, "vk", rejected(("0_1", "bad")), accepted_keys=keys(), seen_at=night
        )
    assert connection.execute("FROM quarantine").fetchall() == [
        ("vk", "0_1", "bad", "{}", NEXT_NIGHT)
    ]


def test_a_mended_row_is_forgotten_by_its_own_source_only(
    connection: duckdb.DuckDBPyConnection,
):
    frame = rejected(("0_1", "bad"), ("0_1", "worse"), ("0_2", "bad"))
    for source in ("vk", "dataset"):
        write_quarantine(connection, source, frame, accepted_keys=keys(), seen_at=NIGHT)
    write_quarantine(
        connection, "vk", rejected(), accepted_keys=keys("0_1", "0_9"), seen_at=NEXT_NIGHT
    )
    assert complaints(connection) == [
        ("dataset", "0_1", "bad"),
        ("dataset", "0_1", "worse"),
        ("dataset", "0_2", "bad"),
        ("vk", "0_2", "bad"),
    ]


def test_each_source_has_a_watermark_of_its_own(connection: duckdb.DuckDBPyConnection):
    assert read_watermark(connection, "vk") is None
    write_watermark(connection, "vk", "1")
    write_watermark(connection, "sample", "9")
    write_watermark(connection, "vk", "2")
    assert read_watermark(connection, "vk") == "2"
    assert read_watermark(connection, "sample") == "9"
    assert connection.execute("SELECT count(*) FROM watermarks").fetchall() == [(2,)]
