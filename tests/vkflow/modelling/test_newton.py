import numpy as np
import pytest

from vkflow.modelling.newton import maximise


def test_the_summit_of_a_parabola_is_one_step_away() -> None:
    steps = []

    def step_from(at: np.ndarray) -> np.ndarray:
        steps.append(at)
        return np.array([3.0, -1.0]) - at

    found = maximise(np.zeros(2), step_from, longest=10, tolerance=1e-9, max_steps=50)
    np.testing.assert_allclose(found, [3, -1])
    assert len(steps) == 2


def test_a_long_step_is_shortened_and_not_turned() -> None:
    found = maximise(
        np.zeros(2), lambda at: np.array([8.0, 4.0]) - at, longest=2, tolerance=1e-9, max_steps=1
    )
    np.testing.assert_allclose(found, [2, 1])


def test_where_a_full_step_would_run_away_it_arrives() -> None:
    """The logarithm of cosh: beyond 1.09 full steps of Newton's lead ever farther away."""
    found = maximise(
        np.array([3.0]),
        lambda at: -np.tanh(at) * np.cosh(at) ** 2,
        longest=0.5,
        tolerance=1e-9,
        max_steps=50,
    )
    assert found == pytest.approx(0, abs=1e-9)


def test_steps_without_end_have_one() -> None:
    found = maximise(np.zeros(1), lambda at: np.ones(1), longest=1, tolerance=0.1, max_steps=7)
    assert found == pytest.approx(7)


def test_a_step_that_is_no_number_is_the_last() -> None:
    steps: list[float] = []

    def step_from(at: np.ndarray) -> np.ndarray:
        steps.append(float(at[0]))
        return np.full(1, np.nan)

    assert np.isnan(maximise(np.zeros(1), step_from, longest=1, tolerance=0.1, max_steps=7))
    assert len(steps) == 1
