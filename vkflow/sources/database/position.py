"""How far a cursor column has been read, and from where to go on."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

MIN_INTEGER = -(2**63)


@dataclass(frozen=True)
class Position:
    """A value of a cursor column.

    Attributes:
        of: the table or query, and the column.
        value: a number, or a time in ISO 8601.
    """

    of: str
    value: int | float | str

    @classmethod
    def read(cls, watermark: str | None, of: str) -> "Position | None":
        """From a watermark; none if that is another table's or column's, or says nothing."""
        try:
            stored = json.loads(watermark or "null")
        except ValueError:
            return None
        named = stored if isinstance(stored, dict) else {}
        return cls.at(named.get("value"), of) if named.get("of") == of else None

    def write(self) -> str:
        """As a watermark."""
        return json.dumps({"of": self.of, "value": self.value}, ensure_ascii=False)

    @classmethod
    def at(cls, value: Any, of: str) -> "Position | None":
        """Where a row with the cursor ``value`` stands; nowhere without a number or time."""
        if isinstance(value, Decimal):
            is_whole = value.is_finite() and value == value.to_integral_value()
            value = int(value) if is_whole else float(value)
        if isinstance(value, date):  # and a datetime is one
            value = value.isoformat()
        if isinstance(value, str):
            return cls(of, value) if _moment(value) else None
        is_number = isinstance(value, int | float) and math.isfinite(value)
        return cls(of, value) if is_number else None

    @property
    def rank(self) -> tuple[bool, datetime | float]:
        """By which positions compare: numbers, then times."""
        if isinstance(self.value, str):
            return True, _moment(self.value) or datetime.min.replace(tzinfo=UTC)
        return False, self.value

    def is_after(self, as_of: datetime) -> bool:
        """Whether it is a time later than ``as_of``."""
        is_time, rank = self.rank
        return is_time and rank > as_of  # type: ignore[operator]

    def bound(self, lag: float, *, times_are_text: bool) -> sa.ColumnElement[Any]:
        """From where to read again.

        Args:
            lag: how far behind: seconds of a time, else units.
            times_are_text: the database has no type for times and compares them as text.
        """
        if isinstance(self.value, int):
            return sa.literal(max(self.value - math.ceil(lag), MIN_INTEGER), sa.BigInteger)
        if isinstance(self.value, float):
            return sa.literal(self.value - lag)
        moment = datetime.fromisoformat(self.value)
        try:
            earlier = moment - timedelta(seconds=lag)
        except OverflowError:  # before the year 1
            earlier = datetime.min.replace(tzinfo=moment.tzinfo)
        if not times_are_text:
            return sa.literal(earlier, sa.DateTime(timezone=earlier.tzinfo is not None))
        if not lag:  # the same time could be written in a way that sorts behind
            return sa.literal(self.value)
        return sa.literal(earlier.isoformat("T" if "T" in self.value else " "))


def _moment(text: str) -> datetime | None:
    """A time in UTC, in which it is taken to be where it has no zone."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or one at the ends of the calendar
        return None
