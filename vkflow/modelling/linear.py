"""The linear stage: logistic ridge regression on everything, full vectors included.

Effects of owner, topic, picture and style add up on the logit scale to a good approximation, and
a penalised linear model finds many small ones at once. The trees then learn what is left.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from vkflow.modelling.metrics import Floats, log_loss_per_view, sigmoid
from vkflow.modelling.newton import maximise
from vkflow.modelling.splits import TRAIN, VALIDATION
from vkflow.threads import one_thread

Matrix = NDArray[np.float32]

PENALTIES = (100.0, 30.0, 10.0, 3.0, 1.0)
FOLDS = 4
MAX_STEPS = 15
LONGEST_STEP = 2.0
TOLERANCE = 1e-3
MAX_CHORD_STEPS = 20
CHORD_TOLERANCE = 1e-4
"""Shorter than Newton's, whose next step would be as short as the last one's square."""
INTERCEPT_PENALTY = 1e-3


@dataclass(frozen=True)
class Sample:
    """Posts a linear model is fitted on.

    Attributes:
        design: float32, shape (posts, columns); the first column is 1.
        rates: observed rates k/n.
        weights: effective sample sizes.
    """

    design: Matrix
    rates: Floats
    weights: Floats

    def __getitem__(self, rows: NDArray[np.bool_]) -> "Sample":
        return Sample(self.design[rows], self.rates[rows], self.weights[rows])


@dataclass(frozen=True)
class _Known:
    """Posts, and the curvature of their likelihood at some coefficients: (columns, columns)."""

    sample: Sample
    curvature: Floats


@dataclass(frozen=True)
class LinearFit:
    """A fitted linear stage of one activity; coefficients are float32, shape (columns,).

    Attributes:
        penalty: the ridge penalty, chosen on the validation window.
        training: fitted on the training posts.
        folds: fitted on the training posts without one block of time each.
        judged: fitted on training and validation posts; what the test window judges.
        final: fitted on all labelled posts; what the bundle predicts with.
    """

    penalty: float
    training: Matrix
    folds: tuple[Matrix, ...]
    judged: Matrix
    final: Matrix


def fit_logistic_ridge(
    parts: Sequence[Sample], penalty: float, start: Matrix | None = None
) -> Matrix:
    """Maximise sum w [y log p + (1 - y) log(1 - p)] - penalty |b|^2 / 2 over b.

    Newton's method is iteratively reweighted least squares here. On one thread, since the order
    of a sum, and so its last bits, depends on their number.

    Args:
        parts: the posts, in any number of parts; rates within [0, 1].
        penalty: of every coefficient but the first, the intercept, which is nearly free.
        start: coefficients to begin with.

    Returns:
        Coefficients, float32, shape (columns,).
    """
    ridge = _ridge(penalty, parts[0].design.shape[1])
    if start is None:
        start = np.zeros(len(ridge), dtype=np.float32)
        start[0] = _mean_logit(parts)

    def newton_step(coefficients: Floats) -> Floats:
        curvatures = [_curvature(part, coefficients) for part in parts]
        return _solver(curvatures, ridge)(_gradient(parts, coefficients, ridge))

    with one_thread():
        return _climb(start, newton_step, TOLERANCE, MAX_STEPS)


def fit_linear(
    sample: Sample,
    split: NDArray[np.object_],
    blocks: NDArray[np.int64],
    start: Matrix | None = None,
) -> LinearFit:
    """Choose the penalty on the validation window, then fit all that training needs.

    Args:
        sample: all labelled posts.
        split: of each post, shape (posts,); without validation posts the strongest penalty is
            taken.
        blocks: block of time of each training post, 0 to ``FOLDS`` - 1.
        start: coefficients to begin with.
    """
    training, is_validation = split == TRAIN, split == VALIDATION
    validation, later = sample[is_validation], sample[~training & ~is_validation]
    folds = [sample[training & (blocks == block)] for block in range(FOLDS)]
    penalty, fitted, known = _choose_penalty(folds, validation, start)
    without = tuple(
        _fit_nearby([*known[:block], *known[block + 1 :]], penalty, fitted)
        for block in range(FOLDS)
    )
    known += _with_curvature([validation], fitted)
    judged = _fit_nearby(known, penalty, fitted)
    final = _fit_nearby(known + _with_curvature([later], judged), penalty, judged)
    return LinearFit(penalty, fitted, without, judged, final)


def linear_logits(design: Matrix, coefficients: Mapping[str, Matrix]) -> dict[str, Floats]:
    """Logits of posts by activity, float64, shape (posts,)."""
    if not coefficients:
        return {}
    stacked = np.stack(list(coefficients.values()), axis=1)
    with one_thread():
        values = (design @ stacked).astype(np.float64)
    return {name: values[:, place] for place, name in enumerate(coefficients)}


def _choose_penalty(
    training: Sequence[Sample], validation: Sample, start: Matrix | None
) -> tuple[float, Matrix, list[_Known]]:
    """From strong to weak, each fit starting at the last; stop when the loss rises.

    Returns:
        The penalty, its coefficients, and what is known of the training posts there.
    """
    best_penalty, best = PENALTIES[0], fit_logistic_ridge(training, PENALTIES[0], start)
    best_loss, known = _loss(validation, best), _with_curvature(training, best)
    for penalty in PENALTIES[1:] if len(validation.rates) else ():
        fitted = _fit_nearby(known, penalty, best)
        loss = _loss(validation, fitted)
        if loss >= best_loss:
            break
        best_penalty, best, best_loss = penalty, fitted, loss
        known = _with_curvature(training, best)
    return best_penalty, best, known


def _with_curvature(parts: Sequence[Sample], coefficients: Matrix) -> list[_Known]:
    return [_Known(part, _curvature(part, coefficients)) for part in parts]


def _fit_nearby(known: Sequence[_Known], penalty: float, start: Matrix) -> Matrix:
    """The fit of parts whose curvature at the start, or not far from it, is known.

    Nearby the curvature is nearly the same, and Newton's steps with that of the start settle, too
    (the chord method: Kelley 1995, Iterative Methods for Linear and Nonlinear Equations, 5.4.1).
    Each costs a gradient; one with a curvature of its own costs a hundred times as much.
    """
    parts, ridge = [part.sample for part in known], _ridge(penalty, len(start))
    solve = _solver([part.curvature for part in known], ridge)

    def chord_step(coefficients: Floats) -> Floats:
        return solve(_gradient(parts, coefficients, ridge))

    with one_thread():
        found = _climb(start, chord_step, CHORD_TOLERANCE, MAX_CHORD_STEPS)
        left = np.abs(chord_step(found.astype(np.float64))).max()
    return found if left < TOLERANCE else fit_logistic_ridge(parts, penalty, start)


def _climb(
    start: Matrix, step_from: Callable[[Floats], Floats], tolerance: float, max_steps: int
) -> Matrix:
    found = maximise(
        start.astype(np.float64),
        step_from,
        longest=LONGEST_STEP,
        tolerance=tolerance,
        max_steps=max_steps,
    )
    return found.astype(np.float32)


def _ridge(penalty: float, columns: int) -> Floats:
    ridge = np.full(columns, penalty)
    ridge[0] = INTERCEPT_PENALTY
    return ridge


def _gradient(parts: Sequence[Sample], coefficients: Floats, ridge: Floats) -> Floats:
    gradient = -ridge * coefficients
    for part in parts:
        p = sigmoid(part.design @ coefficients.astype(np.float32))
        gradient += part.design.T @ (part.weights * (part.rates - p)).astype(np.float32)
    return gradient


def _curvature(sample: Sample, coefficients: Floats | Matrix) -> Floats:
    """The negative Hessian of the likelihood, without the penalty."""
    with one_thread():
        p = sigmoid(sample.design @ coefficients.astype(np.float32))
        curvature = np.sqrt(sample.weights * p * (1 - p)).astype(np.float32)
        scaled = sample.design * curvature[:, None]
        return (scaled.T @ scaled).astype(np.float64)


def _solver(curvatures: Sequence[Floats], ridge: Floats) -> Callable[[Floats], Floats]:
    """Makes a step of a gradient."""
    hessian = np.sum(curvatures, axis=0) + np.diag(ridge)
    try:
        factor = linalg.cho_factor(hessian, check_finite=False)
    except linalg.LinAlgError:  # float32 rounded it to one that is not positive definite
        return lambda gradient: np.linalg.solve(hessian, gradient).astype(np.float64)

    def solve(gradient: Floats) -> Floats:
        step: Floats = linalg.cho_solve(factor, gradient, check_finite=False)
        return step

    return solve


def _mean_logit(parts: Sequence[Sample]) -> float:
    rates = np.concatenate([part.rates for part in parts])
    mean = float(np.average(rates, weights=np.concatenate([part.weights for part in parts])))
    mean = min(max(mean, 1e-7), 1 - 1e-7)
    return float(np.log(mean / (1 - mean)))


def _loss(sample: Sample, coefficients: Matrix) -> float:
    if not len(sample.rates):
        return 0.0
    p = sigmoid(sample.design @ coefficients)
    return log_loss_per_view(sample.rates * sample.weights, sample.weights, p)
