"""The linear stage: logistic ridge regression on everything, full vectors included.

Effects of owner, topic, picture and style add up on the logit scale to a good approximation, and
a penalised linear model finds many small ones at once. The trees then learn what is left.
"""

from collections.abc import Mapping
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


def fit_logistic_ridge(sample: Sample, penalty: float, start: Matrix | None = None) -> Matrix:
    """Maximise sum w [y log p + (1 - y) log(1 - p)] - penalty |b|^2 / 2 over b.

    Newton's method is iteratively reweighted least squares here. On one thread, since the order
    of a sum, and so its last bits, depends on their number.

    Args:
        sample: the posts; rates within [0, 1].
        penalty: of every coefficient but the first, the intercept, which is nearly free.
        start: coefficients to begin with.

    Returns:
        Coefficients, float32, shape (columns,).
    """
    columns = sample.design.shape[1]
    ridge = np.full(columns, penalty)
    ridge[0] = INTERCEPT_PENALTY
    if start is None:
        beginning = np.zeros(columns)
        beginning[0] = _mean_logit(sample)
    else:
        beginning = start.astype(np.float64)
    with one_thread():
        coefficients = maximise(
            beginning,
            lambda coefficients: _newton_step(sample, coefficients, ridge),
            longest=LONGEST_STEP,
            tolerance=TOLERANCE,
            max_steps=MAX_STEPS,
        )
    return coefficients.astype(np.float32)


def fit_linear(sample: Sample, split: NDArray[np.object_], blocks: NDArray[np.int64]) -> LinearFit:
    """Choose the penalty on the validation window, then fit all that training needs.

    Args:
        sample: all labelled posts.
        split: of each post, shape (posts,); without validation posts the strongest penalty is
            taken.
        blocks: block of time of each training post, 0 to ``FOLDS`` - 1.
    """
    training, validation = split == TRAIN, split == VALIDATION
    penalty, fitted = _choose_penalty(sample[training], sample[validation])
    folds = tuple(
        fit_logistic_ridge(sample[training & (blocks != block)], penalty, fitted)
        for block in range(FOLDS)
    )
    judged = fit_logistic_ridge(sample[training | validation], penalty, fitted)
    return LinearFit(penalty, fitted, folds, judged, fit_logistic_ridge(sample, penalty, judged))


def linear_logits(design: Matrix, coefficients: Mapping[str, Matrix]) -> dict[str, Floats]:
    """Logits of posts by activity, float64, shape (posts,)."""
    if not coefficients:
        return {}
    stacked = np.stack(list(coefficients.values()), axis=1)
    with one_thread():
        values = (design @ stacked).astype(np.float64)
    return {name: values[:, place] for place, name in enumerate(coefficients)}


def _choose_penalty(training: Sample, validation: Sample) -> tuple[float, Matrix]:
    """From strong to weak, each fit starting at the last; stop when the loss rises."""
    best_penalty, best = PENALTIES[0], fit_logistic_ridge(training, PENALTIES[0])
    best_loss = _loss(validation, best)
    for penalty in PENALTIES[1:] if len(validation.rates) else ():
        fitted = fit_logistic_ridge(training, penalty, best)
        loss = _loss(validation, fitted)
        if loss >= best_loss:
            break
        best_penalty, best, best_loss = penalty, fitted, loss
    return best_penalty, best


def _newton_step(sample: Sample, coefficients: Floats, ridge: Floats) -> Floats:
    design = sample.design
    p = sigmoid(design @ coefficients.astype(np.float32))
    residual = sample.weights * (sample.rates - p)
    gradient = design.T @ residual.astype(np.float32) - ridge * coefficients
    curvature = np.sqrt(sample.weights * p * (1 - p)).astype(np.float32)
    scaled = design * curvature[:, None]
    hessian = (scaled.T @ scaled).astype(np.float64)
    hessian[np.diag_indices_from(hessian)] += ridge
    try:
        factor = linalg.cho_factor(hessian, check_finite=False)
    except linalg.LinAlgError:  # float32 rounded it to one that is not positive definite
        return np.linalg.solve(hessian, gradient).astype(np.float64)
    found: Floats = linalg.cho_solve(factor, gradient, check_finite=False)
    return found


def _mean_logit(sample: Sample) -> float:
    mean = float(np.average(sample.rates, weights=sample.weights))
    mean = min(max(mean, 1e-7), 1 - 1e-7)
    return float(np.log(mean / (1 - mean)))


def _loss(sample: Sample, coefficients: Matrix) -> float:
    if not len(sample.rates):
        return 0.0
    p = sigmoid(sample.design @ coefficients)
    return log_loss_per_view(sample.rates * sample.weights, sample.weights, p)
