"""How likely each post was to have each level of a lever, and where the two sides overlap.

Advice speaks of posts that could well have been made either way. A post with probability e of a
level counts with e (1 - e): the overlap weights of Li, Morgan and Zaslavsky (2018), Balancing
Covariates via Propensity Score Weighting, JASA 113. They are bounded, unlike 1 / e, and give the
posts of the level and the others the same mean of everything adjusted for.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vkflow.insights.confounders import StudiedPosts, left_out
from vkflow.insights.levers import Lever
from vkflow.insights.regression import Penalties, fit_regression
from vkflow.modelling.metrics import Floats, sigmoid

FOLDS: Final = 4
FIT_POSTS: Final = 10_000
"""Posts a nuisance is fitted on at most: more change it little and cost much."""
PENALTIES: Final = Penalties(slopes=0.3, owners=0.3, months=4.0)
MIN_PROBABILITY: Final = 1e-4


def fold_of_posts(n_posts: int, seed: int) -> NDArray[np.int64]:
    """Which of ``FOLDS`` equal parts a post belongs to, by chance: nuisances are cross-fitted.

    Chernozhukov et al. (2018), Double/debiased machine learning, The Econometrics Journal 21. The
    folds cut through owners, since what an owner usually gets is a nuisance that only the owner's
    other posts can tell. Returns int64, shape (posts,), in 0 … ``FOLDS`` - 1.
    """
    folds = np.arange(n_posts) % FOLDS
    return np.random.default_rng(seed).permutation(folds)


def propensities(posts: StudiedPosts, lever: Lever, folds: NDArray[np.int64]) -> Floats:
    """Probability of each level given owner, time, topic, style and the other levers.

    One logistic regression a level, scaled to sum to 1, cross-fitted.

    Returns:
        float64, shape (posts, levels); zeros where the lever does not apply.
    """
    design, _ = posts.design(without=left_out(lever.name))
    applies = lever.codes >= 0
    probabilities = np.zeros((len(lever.codes), len(lever.levels)))
    for fold in range(FOLDS):
        held_out = np.flatnonzero(applies & (folds == fold))
        others = np.flatnonzero(applies & (folds != fold))
        design_held_out, groups_held_out = design[held_out], posts.groups.of(held_out)
        # Of two levels one is what the other is not.
        for level in range(len(lever.levels) if len(lever.levels) > 2 else 1):
            rows, weights = _both_sides(others, lever.codes[others] == level)
            fit = fit_regression(
                design[rows],
                posts.groups.of(rows),
                (lever.codes[rows] == level).astype(np.float64),
                weights,
                PENALTIES,
            )
            probabilities[held_out, level] = sigmoid(fit.logits(design_held_out, groups_held_out))
    if len(lever.levels) == 2:
        probabilities[applies, 1] = 1 - probabilities[applies, 0]
    probabilities[applies] = np.clip(probabilities[applies], MIN_PROBABILITY, 1)
    total = probabilities.sum(axis=1, keepdims=True)
    return np.asarray(probabilities / np.where(total > 0, total, 1.0))


def _both_sides(
    rows: NDArray[np.int64], has: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], Floats]:
    """Of the posts with and without a level half of ``FIT_POSTS`` each, at most, and weights.

    The weights make up for the posts left out, so that a rare level keeps its few posts.
    """
    sides = [rows[has], rows[~has]]
    kept = [thinned(side, FIT_POSTS // 2) for side in sides]
    weights = [
        np.full(len(some), len(side) / max(len(some), 1))
        for some, side in zip(kept, sides, strict=True)
    ]
    return np.concatenate(kept), np.concatenate(weights)


def thinned(rows: NDArray[np.int64], most: int = FIT_POSTS) -> NDArray[np.int64]:
    """At most so many of the rows, evenly spread, shape (rows,)."""
    if len(rows) <= most:
        return rows
    return rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
