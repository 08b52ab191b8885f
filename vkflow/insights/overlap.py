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
from vkflow.insights.regression import fit_regression
from vkflow.modelling.metrics import Floats, sigmoid
from vkflow.modelling.reducers import FIT_ROWS

FOLDS: Final = 4
PENALTY: Final = 1.0
LEAST_PROBABILITY: Final = 1e-4


def fold_of_posts(n_posts: int, seed: int) -> NDArray[np.int64]:
    """Which of ``FOLDS`` equal parts a post belongs to, by chance: nuisances are cross-fitted.

    Chernozhukov et al. (2018), Double/debiased machine learning, The Econometrics Journal 21. The
    folds cut through owners, since what an owner usually gets is a nuisance that only the owner's
    other posts can tell.
    """
    folds = np.arange(n_posts) % FOLDS
    return np.random.default_rng(seed).permutation(folds)


def propensities(posts: StudiedPosts, lever: Lever, folds: NDArray[np.int64]) -> Floats:
    """Probability of each level given owner, topic, style and the other levers.

    One logistic regression a level, scaled to sum to 1, cross-fitted.

    Returns:
        float64, shape (posts, levels); zeros where the lever does not apply.
    """
    design, _ = posts.design(without=left_out(lever.name))
    applies = lever.codes >= 0
    chances = np.zeros((len(lever.codes), len(lever.levels)))
    for fold in range(FOLDS):
        held_out = np.flatnonzero(applies & (folds == fold))
        rows = thinned(np.flatnonzero(applies & (folds != fold)))
        # Of two levels one is what the other is not.
        for level in range(len(lever.levels) if len(lever.levels) > 2 else 1):
            fit = fit_regression(
                design[rows],
                posts.owner[rows],
                (lever.codes[rows] == level).astype(np.float64),
                np.ones(len(rows)),
                n_owners=len(posts.owner_ids),
                penalty=PENALTY,
                owner_penalty=PENALTY,
            )
            chances[held_out, level] = sigmoid(fit.logits(design[held_out], posts.owner[held_out]))
    if len(lever.levels) == 2:
        chances[applies, 1] = 1 - chances[applies, 0]
    chances[applies] = np.clip(chances[applies], LEAST_PROBABILITY, 1)
    total = chances.sum(axis=1, keepdims=True)
    return np.asarray(chances / np.where(total > 0, total, 1.0))


def thinned(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most ``FIT_ROWS`` of the rows, evenly spread."""
    if len(rows) <= FIT_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, FIT_ROWS).astype(np.int64)]
