"""Logistic ridge regression with an intercept for each owner and each of an owner's months."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from vkflow.modelling.metrics import Floats, logits, sigmoid
from vkflow.modelling.newton import maximise

Places = NDArray[np.int64]

MAX_STEPS = 12
LONGEST_STEP = 2.0
TOLERANCE = 1e-3
"""On the logit scale, of the last step."""
STALE = 0.3
"""After shorter steps than this the Hessian stays as it is: summing it is most of the work."""
FREE = 1e-6
"""Penalty of the intercept of all owners."""


@dataclass(frozen=True)
class Groups:
    """Posts by owner, and within an owner by month.

    Attributes:
        owner: int64, shape (posts,), in 0 … n_owners - 1.
        month: int64, shape (posts,): a month of one owner, in 0 … months - 1.
        owner_of_month: int64, shape (months,).
        n_owners: owners, with posts or without.
    """

    owner: Places
    month: Places
    owner_of_month: Places
    n_owners: int

    def of(self, rows: Places) -> "Groups":
        """Those of some posts; owners and months keep their places."""
        return Groups(self.owner[rows], self.month[rows], self.owner_of_month, self.n_owners)


def group_posts(owner: Places, month: Places) -> Groups:
    """Groups of posts.

    Args:
        owner: int64, shape (posts,), in 0 … owners - 1.
        month: int64, shape (posts,): any number that is the same for posts of a month.
    """
    pairs, place = np.unique(np.column_stack([owner, month]), axis=0, return_inverse=True)
    n_owners = int(owner.max()) + 1 if len(owner) else 0
    return Groups(owner, place.ravel().astype(np.int64), pairs[:, 0], n_owners)


@dataclass(frozen=True)
class Penalties:
    """Halves of these times the squared coefficients are taken off the likelihood."""

    slopes: float
    owners: float
    months: float


@dataclass(frozen=True)
class Fit:
    """A fitted regression.

    Attributes:
        intercept: of all owners.
        slopes: float64, shape (columns,).
        owners: float64, shape (owners,); 0 for an owner without a post in the fit.
        months: float64, shape (months,): what a month of an owner differs by.
    """

    intercept: float
    slopes: Floats
    owners: Floats
    months: Floats

    def logits(self, design: Floats, groups: Groups) -> Floats:
        """The logit of each post, float64, shape (posts,)."""
        grouped = self.owners[groups.owner] + self.months[groups.month]
        return np.asarray(design @ self.slopes + grouped + self.intercept)


def fit_regression(
    design: Floats, groups: Groups, rates: Floats, weights: Floats, penalties: Penalties
) -> Fit:
    """Maximise sum w [y log p + (1 - y) log(1 - p)] less half the penalised squares.

    The blocks of the Hessian for owners and for their months are diagonal but for what a month
    shares with its owner, so both are eliminated (Schur complement): time and memory grow with
    posts, not with posts times owners.
    On one thread, since the order of a sum, and so its last bits, depends on their number.

    Args:
        design: float64, shape (posts, columns), without an intercept.
        groups: of the posts.
        rates: within [0, 1], shape (posts,).
        weights: at least 0, shape (posts,).
        penalties: ridges of slopes, owners and months.
    """
    mean = np.clip(np.average(rates, weights=weights), 1e-9, 1 - 1e-9)
    n_slopes = design.shape[1] + 1
    parts = np.cumsum([n_slopes, groups.n_owners])
    start = np.zeros(parts[-1] + len(groups.owner_of_month))
    start[n_slopes - 1] = logits(np.array([mean]))[0]
    ridge = np.append(np.full(design.shape[1], penalties.slopes), FREE)
    full = np.column_stack([design, np.ones(len(design))])
    hessian = _Hessian(full, groups, ridge, penalties)

    def step_from(coefficients: Floats) -> Floats:
        slopes, owners, months = np.split(coefficients, parts)
        probability = sigmoid(full @ slopes + owners[groups.owner] + months[groups.month])
        hessian.follow(weights * probability * (1 - probability))
        residual = weights * (rates - probability)
        return hessian.solve(
            full.T @ residual - ridge * slopes,
            np.bincount(groups.owner, residual, len(owners)) - penalties.owners * owners,
            np.bincount(groups.month, residual, len(months)) - penalties.months * months,
        )

    found = maximise(
        start, step_from, longest=LONGEST_STEP, tolerance=TOLERANCE, max_steps=MAX_STEPS
    )
    slopes, owners, months = np.split(found, parts)
    return Fit(float(slopes[-1]), slopes[:-1], owners, months)


class _Hessian:
    """Of slopes, owners and months; the months eliminated first, then the owners."""

    def __init__(self, full: Floats, groups: Groups, ridge: Floats, penalties: Penalties) -> None:
        self._full = full
        self._in_month = _incidence(groups.month, len(groups.owner_of_month))
        self._post_in_month = self._in_month.indices
        self._of_owner = _incidence(groups.owner_of_month, groups.n_owners)
        self._owner_of_month = groups.owner_of_month
        self._ridge, self._penalties = np.diag(ridge), penalties
        self._last_step = np.inf

    def follow(self, curvature: Floats) -> None:
        """Take the curvature of each post, shape (posts,), unless the last step was short."""
        if self._last_step <= STALE:
            return
        by_root = np.sqrt(curvature)[:, np.newaxis] * self._full
        self._in_month.data = curvature[self._post_in_month]
        self._months = np.asarray(self._in_month @ self._full)
        total = self._months[:, -1]
        self._inverse = 1 / (total + self._penalties.months)
        self._share = total * self._inverse  # of an owner's step that its month takes over
        left = (1 - self._share)[:, np.newaxis]
        self._owners = np.asarray(self._of_owner @ (left * self._months))
        self._diagonal = self._penalties.owners + self._of_owner @ (left[:, 0] * total)
        self._scaled = self._owners / self._diagonal[:, np.newaxis]
        schur = _squares(by_root) + self._ridge
        schur -= _squares(np.sqrt(self._inverse)[:, np.newaxis] * self._months)
        schur -= _squares(self._owners / np.sqrt(self._diagonal)[:, np.newaxis])
        self._factor = linalg.cho_factor(schur, check_finite=False)

    def solve(self, slopes: Floats, owners: Floats, months: Floats) -> Floats:
        """The step, its parts one after another, for gradients of (columns,), owners and months."""
        slopes = slopes - self._months.T @ (self._inverse * months)
        owners = owners - self._of_owner @ (self._share * months)
        step = linalg.cho_solve(self._factor, slopes - self._scaled.T @ owners, check_finite=False)
        owner_step = (owners - self._owners @ step) / self._diagonal
        month_step = self._inverse * (months - self._months @ step)
        month_step -= self._share * owner_step[self._owner_of_month]
        steps = np.concatenate([step, owner_step, month_step])
        self._last_step = float(np.abs(steps).max())
        return steps


def _squares(rows: Floats) -> Floats:
    """Products of columns, (columns, columns): of a matrix with itself half are computed."""
    return np.asarray(rows.T @ rows)


def _incidence(group: Places, n_groups: int) -> sparse.csr_array:
    places = (group, np.arange(len(group)))
    return sparse.csr_array((np.ones(len(group)), places), shape=(n_groups, len(group)))
