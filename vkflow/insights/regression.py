"""Logistic ridge regression with an intercept for each owner, of any number of owners."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from vkflow.modelling.metrics import Floats, logits, sigmoid

Owners = NDArray[np.int64]

MOST_STEPS = 12
LONGEST_STEP = 2.0
TOLERANCE = 1e-3
"""On the logit scale, of the last step."""
STALE = 0.3
"""After shorter steps than this the Hessian stays as it is: summing it is most of the work."""
FREE = 1e-6
"""Penalty of the intercept of all owners."""


@dataclass(frozen=True)
class Fit:
    """A fitted regression: the logit is ``design @ slopes + owners[owner] + intercept``.

    Attributes:
        intercept: of all owners.
        slopes: float64, shape (columns,).
        owners: float64, shape (owners,); 0 for an owner without a post in the fit.
    """

    intercept: float
    slopes: Floats
    owners: Floats

    def logits(self, design: Floats, owner: Owners) -> Floats:
        """The logit of each post, float64, shape (posts,)."""
        return np.asarray(design @ self.slopes + self.owners[owner] + self.intercept)


def fit_regression(
    design: Floats,
    owner: Owners,
    rates: Floats,
    weights: Floats,
    *,
    n_owners: int,
    penalty: float,
    owner_penalty: float,
) -> Fit:
    """Maximise sum w [y log p + (1 - y) log(1 - p)] less half the penalised squares.

    Newton's method with bounded steps (Hastie, Tibshirani and Friedman, The Elements of
    Statistical Learning, 4.4.1). The owners' block of the Hessian is diagonal, so it is
    eliminated (Schur complement): time and memory grow with posts, not with posts times owners.
    The Hessian only steers the steps, so it is summed in single precision; the gradient is not.
    On one thread, since the order of a sum, and so its last bits, depends on their number.

    Args:
        design: float64, shape (posts, columns), without an intercept.
        owner: int64, shape (posts,), in 0 … n_owners - 1.
        rates: within [0, 1], shape (posts,).
        weights: at least 0, shape (posts,).
        n_owners: owners to estimate an intercept for.
        penalty: ridge of the slopes.
        owner_penalty: ridge of the owners' intercepts.
    """
    mean = np.clip(np.average(rates, weights=weights), 1e-9, 1 - 1e-9)
    slopes = np.zeros(design.shape[1] + 1)
    slopes[-1] = logits(np.array([mean]))[0]
    owners = np.zeros(n_owners)
    ridge = np.append(np.full(design.shape[1], penalty), FREE)
    full = np.column_stack([design, np.ones(len(design))])
    longest, hessian = np.inf, _Hessian(full, owner, n_owners, ridge, owner_penalty)
    for _ in range(MOST_STEPS):
        probability = sigmoid(full @ slopes + owners[owner])
        if longest > STALE:
            hessian.update(weights * probability * (1 - probability))
        residual = weights * (rates - probability)
        step, owner_step = hessian.solve(
            full.T @ residual - ridge * slopes,
            np.bincount(owner, residual, n_owners) - owner_penalty * owners,
        )
        longest = max(np.abs(step).max(), np.abs(owner_step).max())
        shortened = min(1.0, LONGEST_STEP / max(longest, 1e-12))
        slopes += shortened * step
        owners += shortened * owner_step
        if longest < TOLERANCE:
            break
    return Fit(float(slopes[-1]), slopes[:-1], owners)


class _Hessian:
    """Of slopes and owners' intercepts, the owners' diagonal block eliminated."""

    def __init__(
        self, full: Floats, owner: Owners, n_owners: int, ridge: Floats, owner_penalty: float
    ) -> None:
        self._full = full.astype(np.float32)
        self._incidence = sparse.csr_array(
            (np.ones(len(owner), np.float32), (owner, np.arange(len(owner)))),
            shape=(n_owners, len(owner)),
        )
        self._ridge, self._owner_penalty = np.diag(ridge), owner_penalty

    def update(self, curvature: Floats) -> None:
        """Take the curvature of each post, shape (posts,), at the present point."""
        weighted = curvature.astype(np.float32)[:, np.newaxis] * self._full
        self._cross = np.asarray(self._incidence @ weighted, dtype=np.float64)
        self._diagonal = self._cross[:, -1] + self._owner_penalty
        self._scaled = self._cross / self._diagonal[:, np.newaxis]
        schur = self._full.T @ weighted + self._ridge - self._cross.T @ self._scaled
        self._factor = linalg.cho_factor(schur, check_finite=False)

    def solve(self, gradient: Floats, owner_gradient: Floats) -> tuple[Floats, Floats]:
        """The steps of the slopes and of the owners' intercepts."""
        step = linalg.cho_solve(
            self._factor, gradient - self._scaled.T @ owner_gradient, check_finite=False
        )
        return step, (owner_gradient - self._cross @ step) / self._diagonal
