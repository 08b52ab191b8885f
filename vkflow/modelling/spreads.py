"""Where posts with a forecast end up: intervals for the rate that is going to be observed.

Split conformal prediction with locally scaled residuals (Lei et al. 2018, Distribution-free
predictive inference for regression, 5.2), one scale below the forecast and one above. The residual
of a post is measured in the standard deviation that its forecast promises: chance, which shrinks
with the views its owner's posts usually get, and the spread of posts around what is expected of
them (see ``vkflow.modelling.weights``), wider for owners whose posts differ more than others'. How
many of these deviations hold 90 % of posts the test window tells, which the judged model has not
seen; so nothing is assumed of the shape.
"""

from collections.abc import Mapping
from math import ceil

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict

from vkflow.modelling.judging import judge
from vkflow.modelling.metrics import SMALLEST, Floats
from vkflow.modelling.owner_rates import RatePrior
from vkflow.modelling.training_set import TrainingSet
from vkflow.modelling.weights import relative_variance

LEVEL = 0.9
"""Share of posts whose observed rate an interval is to hold."""
MIN_POSTS = 50
"""Of the test window, below which nothing is said."""
MIN_SCALE = 0.05
"""Deviations of a side on which hardly any post lies."""
OWNER_POSTS = 40.0
"""Posts like all others that an owner's own are mixed with: a few say little of how they differ."""
MIN_OWNER_POSTS = 10
"""Of the test window, below which an owner's posts are taken to differ like all others."""
FARTHEST = 0.98
"""Quantile at which residuals are cut before owners are compared: one viral post is no habit."""


class Spread(BaseModel):
    """How far the observed rates of one activity lie from their forecasts.

    Attributes:
        variance: of rates around their forecasts, in units of their squares.
        below: promised deviations between the forecast and the low end of its interval.
        above: likewise to the high end.
        typical_views: median views of a post, for owners of whom nothing is known.
        n_posts: posts it was measured on.
        owners: how far the posts of an owner lie from their forecasts beside those of all, by its
            id; 1 for those that are not there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    variance: float
    below: float
    above: float
    typical_views: float
    n_posts: int
    owners: dict[int, float] = {}

    def interval(
        self, probabilities: Floats, views: Floats, owners: pl.Series
    ) -> tuple[Floats, Floats]:
        """Low and high ends of the 90 % intervals, float64, shape (posts,), within [0, 1].

        Args:
            probabilities: forecasts.
            views: expected of each post, from :func:`expected_views`.
            owners: ids of their owners.
        """
        scales = np.array([self.owners.get(owner, 1.0) for owner in owners])
        deviation = scales * _deviation(probabilities, views, self.variance)
        low = np.clip(probabilities - self.below * deviation, 0, 1)
        return low, np.clip(probabilities + self.above * deviation, 0, 1)


def fit_spreads(
    data: TrainingSet, priors: Mapping[str, RatePrior], predictions: Mapping[str, Floats]
) -> dict[str, Spread]:
    """The spread of every activity with enough posts in the test window.

    Args:
        data: the training set.
        priors: belief about owners, by activity.
        predictions: of all posts by activity, shape (posts,), by models that have not seen the
            test window; an activity without is predicted by its owner rate.
    """
    found = {}
    for activity, judged in judge(data, priors, predictions, None).items():
        forecasts = judged.forecasts
        if len(judged.rows) >= MIN_POSTS:
            found[activity] = fit_spread(
                forecasts.counts,
                forecasts.exposures,
                forecasts.probabilities,
                data.history[judged.rows],
                data.keys["owner_id"][judged.rows],
            )
    return found


def fit_spread(
    counts: Floats,
    exposures: Floats,
    probabilities: Floats,
    history: pl.DataFrame,
    owners: pl.Series,
) -> Spread:
    """The spread of posts around forecasts made without them.

    Args:
        counts: activities of each post, shape (posts,).
        exposures: views of each post, at least 1, shape (posts,).
        probabilities: forecasts, shape (posts,).
        history: the ``history_…`` columns of the same posts.
        owners: ids of their owners.
    """
    variance = relative_variance(counts, exposures, probabilities)
    typical = float(np.median(exposures))
    deviation = _deviation(probabilities, expected_views(history, typical), variance)
    residuals = (counts / exposures - probabilities) / deviation
    of_owners, of_posts = _owner_scales(np.abs(residuals), owners)
    residuals /= of_posts
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(residuals, [tail, 1 - tail])
    below, above = max(-float(low), MIN_SCALE), max(float(high), MIN_SCALE)
    scales = np.where(residuals < 0, below, above)
    scores = np.sort(np.abs(residuals) / scales)
    held = float(scores[min(ceil((len(scores) + 1) * LEVEL), len(scores)) - 1])
    return Spread(
        variance=variance,
        below=held * below,
        above=held * above,
        typical_views=typical,
        n_posts=len(scores),
        owners=of_owners,
    )


def _owner_scales(sizes: Floats, owners: pl.Series) -> tuple[dict[int, float], Floats]:
    """How large an owner's residuals are beside those of all, shrunk towards 1.

    Returns:
        By owner; and for each post by the others of its owner, shape (posts,): with itself among
        them it would seem nearer than posts that come later are.
    """
    sizes = np.minimum(sizes, np.quantile(sizes, FARTHEST))
    relative = sizes / max(float(sizes.mean()), SMALLEST)
    ids, places = np.unique(owners.to_numpy(), return_inverse=True)
    n, total = np.bincount(places), np.bincount(places, relative)
    is_known = n >= MIN_OWNER_POSTS
    whole = (OWNER_POSTS + total) / (OWNER_POSTS + n)
    others = (OWNER_POSTS + total[places] - relative) / (OWNER_POSTS + n[places] - 1)
    by_owner = zip(ids[is_known].tolist(), whole[is_known].round(4).tolist(), strict=True)
    return dict(by_owner), np.where(is_known[places], others, 1.0)


def expected_views(history: pl.DataFrame, typical: float) -> Floats:
    """Mean views of an owner's posts so far, and one typical post more, shape (posts,).

    Args:
        history: ``history_posts_count`` and ``history_views_count``, null without a past.
        typical: views of a typical post.
    """
    posts, views = (
        history[f"history_{name}_count"].cast(pl.Float64).fill_null(0.0).clip(0.0).to_numpy()
        for name in ("posts", "views")
    )
    views_each: Floats = np.maximum((views + typical) / (posts + 1), 1.0)
    return views_each


def _deviation(probabilities: Floats, views: Floats, variance: float) -> Floats:
    """Standard deviation of the observed rate, as far as it can be known beforehand."""
    chance = probabilities * (1 - probabilities) / views
    return np.asarray(np.sqrt(chance + variance * probabilities**2), dtype=np.float64)
