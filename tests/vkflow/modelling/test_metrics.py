import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vkflow.modelling.metrics import (
    attainable_share,
    log_loss_per_view,
    log_losses,
    logits,
    sigmoid,
)


def test_log_loss_per_view_is_that_of_every_single_view() -> None:
    # given: 10 views with 3 likes at p = 0.2, and 5 views with 5 likes at p = 0.9
    counts, exposures = np.array([3.0, 5.0]), np.array([10.0, 5.0])
    probabilities = np.array([0.2, 0.9])
    # when: every view is written out
    views = [np.log(0.2)] * 3 + [np.log(0.8)] * 7 + [np.log(0.9)] * 5
    # then
    assert log_loss_per_view(counts, exposures, probabilities) == pytest.approx(-np.mean(views))


@given(st.integers(0, 50), st.integers(1, 50), st.floats(0, 1))
def test_no_constant_beats_the_observed_rate(count: int, more: int, guess: float) -> None:
    counts, exposures = np.array([float(count)]), np.array([float(count + more)])
    best = log_losses(counts, exposures, counts / exposures)
    assert log_losses(counts, exposures, np.array([guess]))[0] >= best[0] - 1e-6


def test_a_certain_wrong_prediction_costs_much_but_not_infinity() -> None:
    loss = log_losses(np.array([1.0]), np.array([1.0]), np.array([0.0]))
    assert np.isfinite(loss).all() and loss[0] > 15


def test_logit_and_sigmoid_are_inverse_and_never_overflow() -> None:
    p = np.array([1e-9, 0.2, 0.5, 1 - 1e-9])
    np.testing.assert_allclose(sigmoid(logits(p)), p, rtol=1e-6)
    assert sigmoid(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]


def test_attainable_share_runs_from_baseline_to_oracle() -> None:
    assert attainable_share(1.0, 1.0, 0.5) == 0
    assert attainable_share(0.5, 1.0, 0.5) == 1
    assert attainable_share(0.75, 1.0, 0.5) == 0.5
