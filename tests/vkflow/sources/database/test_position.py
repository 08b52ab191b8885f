"""How far a cursor is read: numbers and times in whatever form a driver gives them."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from vkflow.sources.database.position import Position

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOSCOW = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (7, 7),
        (7.5, 7.5),
        (Decimal("7"), 7),
        (Decimal("7.5"), 7.5),
        (NOON, "2026-06-01T12:00:00+00:00"),
        (date(2026, 6, 1), "2026-06-01"),
        ("2026-06-01 12:00:00", "2026-06-01 12:00:00"),
    ],
    ids=str,
)
def test_values_become_positions_that_survive_a_watermark(value: Any, kept: Any):
    position = Position.at(value, "posts: id")
    assert position is not None and position.value == kept
    assert Position.read(position.write(), "posts: id") == position
    assert Position.read(position.write(), "posts: other") is None


@pytest.mark.parametrize(
    "value", [None, "cat", "", "infinity", b"7", object(), Decimal("NaN"), Decimal("Infinity")]
)
def test_what_is_neither_number_nor_time_is_no_position(value: Any):
    assert Position.at(value, "posts: id") is None


def test_numbers_beyond_the_precision_of_floats_are_told_apart():
    assert Position("x", 2**62 + 1).rank > Position("x", 2**62).rank
    assert literal(Position("x", 2**62 + 1023).bound(0.5, times_are_text=False)) == 2**62 + 1022


@pytest.mark.parametrize("watermark", [None, "", "{}"])
def test_without_a_watermark_there_is_no_position(watermark: str | None):
    assert Position.read(watermark, "posts: id") is None


def test_times_compare_by_the_moment_whatever_their_zone():
    in_moscow, later = Position.at(NOON.astimezone(MOSCOW), "x"), Position.at(NOON, "x")
    assert in_moscow is not None and later is not None
    assert in_moscow.rank == later.rank
    assert not later.is_after(NOON) and later.is_after(NOON - timedelta(seconds=1))


def literal(element: sa.ColumnElement[Any]) -> Any:
    assert isinstance(element, sa.BindParameter)
    return element.value


def test_a_lag_is_units_of_a_number_and_seconds_of_a_time():
    assert literal(Position("x", 100).bound(30, times_are_text=False)) == 70
    moment = Position("x", "2026-06-01T12:00:00+00:00").bound(3_600, times_are_text=False)
    assert literal(moment) == NOON - timedelta(hours=1)


@given(
    moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)),
    separator=st.sampled_from("T "),
    lag=st.sampled_from([0, 1, 3_600]),
)
def test_a_time_kept_as_text_sorts_at_or_behind_its_bound(
    moment: datetime, separator: str, lag: int
):
    text = moment.isoformat(separator)
    assert literal(Position("x", text).bound(lag, times_are_text=True)) <= text


@pytest.mark.parametrize(
    ("value", "lag"),
    [
        (-(2**63), 3_600.0), (2**63 - 1, 1e300), (-5, 1e18), (1e308, 1e308),
        ("0001-01-01T00:00:00", 3_600.0), ("0001-01-01T00:00:00+09:00", 1.0),
        ("9999-12-31T23:59:59-09:00", 1.0), ("2026-01-01T00:00:00", 1e300),
    ],
)  # fmt: skip
def test_ends_of_numbers_and_of_the_calendar_have_a_bound(value: Any, lag: float) -> None:
    position = Position.at(value, "posts")
    if position is None:
        return  # no such moment in UTC: the row is read every time
    assert isinstance(position.is_after(NOON), bool)
    engine = sa.create_engine("sqlite://")
    for times_are_text in (True, False):
        bound = position.bound(lag, times_are_text=times_are_text)
        with engine.connect() as connection:
            connection.execute(sa.select(bound))


@pytest.mark.parametrize(
    "watermark",
    ["{", "[]", "null", "1", '{"of": "t: c"}', '{"of": "t: c", "value": {}}',
     '{"of": "t: c", "value": "junk"}', '{"of": "t: c", "value": NaN}'],
)  # fmt: skip
def test_watermark_that_says_nothing_is_none(watermark: str):
    assert Position.read(watermark, "t: c") is None
