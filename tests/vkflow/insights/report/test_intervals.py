import math

from hypothesis import given
from hypothesis import strategies as st

from vkflow.insights.report.intervals import Measured, interval_rows

NAN = float("nan")
numbers = st.floats(-1e3, 1e3)


def measured(value: float, low: float, high: float) -> Measured:
    return Measured("label", "note", value, low, high, "text")


@given(st.lists(st.tuples(numbers, numbers, numbers).map(sorted), min_size=1, max_size=8))
def test_everything_stays_on_the_track(rows: list[list[float]]) -> None:
    for row in interval_rows([measured(value, low, high) for low, value, high in rows]):
        assert 0 <= row.left <= row.point + 0.02
        assert row.left + row.width <= 100
        assert 0 <= row.centre <= 100


def test_a_row_is_clear_when_its_interval_leaves_out_the_centre() -> None:
    rows = interval_rows([measured(2, 1.2, 3), measured(1.1, 0.9, 1.3)], centre=1, logarithmic=True)
    assert [row.is_clear for row in rows] == [True, False]


def test_half_and_twice_are_equally_far_on_a_logarithmic_track() -> None:
    half, twice = interval_rows(
        [measured(0.5, 0.5, 0.5), measured(2, 2, 2)], centre=1, logarithmic=True
    )
    assert math.isclose(half.centre - half.point, twice.point - twice.centre, abs_tol=0.02)


def test_without_an_interval_there_is_a_point() -> None:
    (row,) = interval_rows([measured(0.3, NAN, NAN)])
    assert row.width == 0
