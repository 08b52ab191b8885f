"""What a post would get at each level of a lever: the model's response.

The champion bundle is not asked: it reads whole text vectors, and a vector cannot lose its
question mark while the rest stays; its answer for a text lever would be that of a text nobody
could write. A regression of the outcome on the levers, the owner, the time, the topic and the style
can move one lever alone. It is cross-fitted, so that no post answers for itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vkflow.insights.confounders import StudiedPosts, left_out
from vkflow.insights.levers import IMPLIED
from vkflow.insights.overlap import FOLDS, thinned
from vkflow.insights.regression import Penalties, fit_regression
from vkflow.modelling.metrics import Floats, sigmoid
from vkflow.modelling.weights import effective_sample_sizes, intraclass_correlation

PENALTIES: Final = Penalties(slopes=0.5, owners=0.5, months=20.0)


@dataclass(frozen=True)
class Outcomes:
    """What the studied posts got of one activity.

    Attributes:
        rates: k / n, NaN where unknown, shape (posts,).
        exposures: n, NaN where unknown, shape (posts,).
        correlation: of the views of a post; see :func:`intraclass_correlation`.
        mean: rate over all posts, each counting with its effective number of views.
    """

    rates: Floats
    exposures: Floats
    correlation: float
    mean: float

    @property
    def known(self) -> NDArray[np.bool_]:
        """Where the outcome is known, shape (posts,)."""
        return ~np.isnan(self.rates)

    @property
    def weights(self) -> Floats:
        """Effective number of views, NaN where unknown, shape (posts,)."""
        return effective_sample_sizes(self.exposures, self.correlation)

    def means(self, group: NDArray[np.int64]) -> Floats:
        """Rate over the posts of each group, so weighted, shape (groups,).

        Args:
            group: of each post, int64, shape (posts,), in 0 … groups - 1.
        """
        weights = self.weights
        return np.asarray(np.bincount(group, weights * self.rates) / np.bincount(group, weights))

    def of(self, rows: NDArray[np.int64]) -> "Outcomes":
        """Those of some posts, with a rate of their own; rows: shape (some,)."""
        rates, exposures = self.rates[rows], self.exposures[rows]
        weights = effective_sample_sizes(exposures, self.correlation)
        return Outcomes(
            rates, exposures, self.correlation, float(np.average(rates, weights=weights))
        )


def outcomes_of(counts: Floats, exposures: Floats) -> Outcomes:
    """From counts and exposures, shape (posts,), NaN where unknown; at least one is known."""
    known = ~np.isnan(counts) & (exposures > 0)
    counts, exposures = np.where(known, counts, np.nan), np.where(known, exposures, np.nan)
    correlation = intraclass_correlation(counts[known], exposures[known])
    weights = effective_sample_sizes(exposures[known], correlation)
    mean = float(np.average(counts[known] / exposures[known], weights=weights))
    return Outcomes(counts / exposures, exposures, correlation, mean)


@dataclass(frozen=True)
class Response:
    """Cross-fitted regressions of one activity.

    Attributes:
        bases: logit of each post without its own levels' part, by lever, shape (posts,).
        slopes: part of each level, by lever, shape (folds, levels).
    """

    bases: dict[str, Floats]
    slopes: dict[str, Floats]
    folds: NDArray[np.int64]

    def at_levels(self, lever: str, rows: NDArray[np.int64]) -> Floats:
        """Rate expected of posts at each level, float64, shape (rows, levels)."""
        parts = self.slopes[lever][self.folds[rows]]
        return sigmoid(self.bases[lever][rows, np.newaxis] + parts)


def fit_response(posts: StudiedPosts, outcomes: Outcomes, folds: NDArray[np.int64]) -> Response:
    """Fit the regressions; a lever that decides others has one of its own, without these.

    Args:
        posts: that are studied.
        outcomes: of these posts.
        folds: of each post, int64, shape (posts,).
    """
    bases: dict[str, Floats] = {}
    slopes: dict[str, Floats] = {}
    deciding = [name for name in posts.levers if name in IMPLIED]
    others = [name for name in posts.levers if name not in IMPLIED]
    for names, without in [(others, ()), *(([name], left_out(name)[1:]) for name in deciding)]:
        _fit(posts, outcomes, folds, names, without, bases, slopes)
    return Response(bases, slopes, folds)


def _fit(
    posts: StudiedPosts,
    outcomes: Outcomes,
    folds: NDArray[np.int64],
    names: Iterable[str],
    without: Iterable[str],
    bases: dict[str, Floats],
    slopes: dict[str, Floats],
) -> None:
    design, places = posts.design(without)
    known = outcomes.known
    for name in names:
        bases[name] = np.full(len(known), np.nan)
        slopes[name] = np.zeros((FOLDS, len(posts.levers[name].levels)))
    for fold in range(FOLDS):
        rows = thinned(np.flatnonzero(known & (folds != fold)))
        held_out = np.flatnonzero(folds == fold)
        fit = fit_regression(
            design[rows],
            posts.groups.of(rows),
            outcomes.rates[rows],
            outcomes.weights[rows],
            PENALTIES,
        )
        total = fit.logits(design[held_out], posts.groups.of(held_out))
        for name in names:
            part = fit.slopes[places[name]]
            slopes[name][fold] = part
            bases[name][held_out] = total - design[held_out, places[name]] @ part
