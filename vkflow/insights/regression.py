"""Logistic ridge regression with an intercept for each owner, of any number of owners."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from vkflow.modelling.metrics import Floats, logits, sigmoid

Owners = NDArray[np.int64]

MOST_STEPS = 12
LONGEST_STEP = 2.0
TOLERANCE = 1e-2
"""Of the last step: near the end what is left is about the square of a Newton step."""
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
    incidence = sparse.csr_array(
        (np.ones(len(owner)), (owner, np.arange(len(owner)))), shape=(n_owners, len(owner))
    )
    for _ in range(MOST_STEPS):
        probability = sigmoid(full @ slopes + owners[owner])
        residual = weights * (rates - probability)
        weighted = (weights * probability * (1 - probability))[:, np.newaxis] * full
        cross = np.asarray(incidence @ weighted)
        diagonal = cross[:, -1] + owner_penalty
        gradient = full.T @ residual - ridge * slopes
        owner_gradient = incidence @ residual - owner_penalty * owners
        scaled = cross / diagonal[:, np.newaxis]
        schur = full.T @ weighted + np.diag(ridge) - cross.T @ scaled
        step = np.linalg.solve(schur, gradient - scaled.T @ owner_gradient)
        owner_step = (owner_gradient - cross @ step) / diagonal
        longest = max(np.abs(step).max(), np.abs(owner_step).max())
        shortened = min(1.0, LONGEST_STEP / max(longest, 1e-12))
        slopes += shortened * step
        owners += shortened * owner_step
        if longest < TOLERANCE:
            break
    return Fit(float(slopes[-1]), slopes[:-1], owners)
