"""Rows with a point and its interval, drawn by the page itself so that a phone can read them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class IntervalRow:
    """A row: label, note, value in words, and places in percent of the track."""

    label: str
    note: str
    value: str
    left: float
    width: float
    point: float
    centre: float
    is_clear: bool


@dataclass(frozen=True)
class Measured:
    """What a row shows: a value with the bounds of its interval."""

    label: str
    note: str
    value: float
    low: float
    high: float
    text: str


def interval_rows(
    measured: Sequence[Measured], *, centre: float = 0.0, logarithmic: bool = False
) -> list[IntervalRow]:
    """Place values and intervals on one common track; bounds that are not finite are the value.

    Args:
        measured: the rows.
        centre: where nothing is different: 0 for a difference, 1 for a ratio.
        logarithmic: for ratios, so that half and twice are equally far away.
    """
    scale = (lambda x: math.log(max(x, 1e-6))) if logarithmic else (lambda x: x)
    bounds = [_bounds(row) for row in measured]
    places = [scale(x) for low, high in bounds for x in (low, high)]
    places += [scale(row.value) for row in measured] + [scale(centre)]
    start, stop = min(places), max(places)
    room = (stop - start) or 1.0

    def place(x: float) -> float:
        return round(2 + 96 * (scale(x) - start) / room, 2)

    return [
        IntervalRow(
            label=row.label,
            note=row.note,
            value=row.text,
            left=place(low),
            width=round(place(high) - place(low), 2),
            point=place(row.value),
            centre=place(centre),
            is_clear=low > centre or high < centre,
        )
        for row, (low, high) in zip(measured, bounds, strict=True)
    ]


def _bounds(row: Measured) -> tuple[float, float]:
    low = row.low if math.isfinite(row.low) else row.value
    high = row.high if math.isfinite(row.high) else row.value
    return low, high
