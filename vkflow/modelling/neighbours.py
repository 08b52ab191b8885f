"""What the posts most like a post got before it appeared, beside what their owners usually get.

A topic that does well on one wall does well on others, long before a wall's own history tells; and
what a wall's own readers like is told by that wall. A kernel regression on the residuals of the
owner rates: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 6.1, over the
nearest posts only: those of all walls, and those of the post's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.metrics import Floats
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.weights import information, relative_variance
from vkflow.threads import one_thread

Matrix = NDArray[np.float32]
Moments = NDArray[np.int64]

MEMORY_POSTS = 20_000
"""Posts that are remembered at most; the time to find the nearest grows with them."""
NEAREST = 50
NEAREST_OWN = 20
TEMPERATURE = 0.1
"""Cosines that far below the nearest one's count for 1/e."""
PRIOR_POSTS = 2.0
"""Typical posts of which nothing is remarkable, added to every neighbourhood."""
PRIOR_POSTS_OWN = 10.0
"""Likewise to those of one wall, whose few posts tell little."""
QUERIES_AT_ONCE = 500
TIE = 1e-5
"""Cosines closer than that are equal: the last bits of a sum depend on the rows beside it."""
NEVER = np.iinfo(np.int64).max
UNRELATED = -2.0
"""Below every cosine."""
KINDS = ("similar", "similar_own")
"""The nearest posts of all walls, and of the post's own."""


@dataclass(frozen=True)
class Neighbours:
    """Posts with known outcomes that others are compared with.

    Attributes:
        activities: names of those that are told of.
        owners: of these posts, int64, shape (posts,).
        directions: components of the texts at unit length, float32, shape (posts, components).
        known_at: when their first counts became known, microseconds since 1970, shape (posts,).
        got: what was counted, in views worth learning from; float32, shape (posts, activities).
        expected: the same by the owner's rate.
        typical: median of the latter, of which some are added to both, float32, shape
            (activities,).
    """

    activities: tuple[str, ...]
    owners: Moments
    directions: Matrix
    known_at: Moments
    got: Matrix
    expected: Matrix
    typical: Matrix

    def columns(self) -> list[str]:
        """Names of the columns of :meth:`lifts`."""
        return [f"{kind}_{name}_lift" for kind in KINDS for name in self.activities]

    def lifts(self, components: Matrix, keys: pl.DataFrame) -> Matrix:
        """Logarithm of what the nearest posts got, over what was to be expected of them.

        Only posts whose counts were known before a post appeared are its neighbours.

        Args:
            components: of the texts, shape (posts, components), NaN without a text.
            keys: owner_id, published_at of the same posts; nothing was known before one without a
                date.

        Returns:
            float32, shape (posts, 2 x activities), first of all walls, then of the post's own; 0
            where there is no neighbour, NaN without a text.
        """
        moments = microseconds(keys["published_at"], unknown=0)
        owners = keys["owner_id"].to_numpy()
        queries = unit_length(components)
        parts = [np.empty((0, len(KINDS) * len(self.activities)), dtype=np.float32)]
        for start in range(0, len(queries), QUERIES_AT_ONCE):
            some = slice(start, start + QUERIES_AT_ONCE)
            parts.append(self._lifts(queries[some], moments[some], owners[some]))
        lifts = np.concatenate(parts)
        lifts[np.isnan(components).any(axis=1)] = np.nan
        return lifts

    def _lifts(self, queries: Matrix, moments: Moments, owners: Moments) -> Matrix:
        with one_thread():
            cosines = queries @ self.directions.T
            cosines[self.known_at >= moments[:, None]] = UNRELATED
            own = np.zeros((len(queries), len(self.activities)), dtype=np.float32)
            for owner in np.unique(owners):
                rows, posts = np.flatnonzero(owners == owner), np.flatnonzero(self.owners == owner)
                weights = _nearest_weights(cosines[np.ix_(rows, posts)], NEAREST_OWN)
                own[rows] = self._lift(weights, posts, PRIOR_POSTS_OWN)
            everywhere = self._lift(_nearest_weights(cosines, NEAREST), slice(None), PRIOR_POSTS)
        return np.concatenate([everywhere, own], axis=1)

    def _lift(self, weights: Matrix, posts: Moments | slice, prior_posts: float) -> Matrix:
        got, expected = weights @ self.got[posts], weights @ self.expected[posts]
        strengths = np.float32(prior_posts) * self.typical
        lifts: Matrix = np.log((got + strengths) / (expected + strengths))
        return lifts


def fit_neighbours(
    components: Matrix,
    owners: pl.Series,
    history: pl.DataFrame,
    first_counts: pl.DataFrame,
    priors: Mapping[str, RatePrior],
    training: NDArray[np.bool_],
) -> Neighbours:
    """Remember labelled posts, spread evenly over time.

    Args:
        components: of all labelled posts, oldest first, NaN without a text, float32, shape
            (posts, components).
        owners: ids of their owners.
        history: the ``history_…`` columns of the same posts.
        first_counts: of the same posts, from :func:`align_first_counts`.
        priors: belief about owners, by activity.
        training: the posts that tell how much a neighbourhood can be trusted.
    """
    moments = microseconds(first_counts["moment"], unknown=NEVER)
    usable = ~np.isnan(components).any(axis=1) & (moments != NEVER)
    remembered = np.flatnonzero(usable)
    remembered = remembered[:: -(-len(remembered) // MEMORY_POSTS) or 1]
    got, expected, typical = [], [], []
    for activity, prior in priors.items():
        worth, rates, usual = _worth(history, first_counts, activity, prior, training & usable)
        promised = worth * usual
        seen = promised[training & usable & (promised > 0)]
        got.append((worth * rates)[remembered])
        expected.append(promised[remembered])
        typical.append(float(np.median(seen)) if len(seen) else 1.0)
    return Neighbours(
        activities=tuple(priors),
        owners=owners.to_numpy()[remembered],
        directions=unit_length(components[remembered]),
        known_at=moments[remembered],
        got=np.stack(got, axis=1).astype(np.float32),
        expected=np.stack(expected, axis=1).astype(np.float32),
        typical=np.array(typical, dtype=np.float32),
    )


def align_first_counts(keys: pl.DataFrame, first_counts: pl.DataFrame) -> pl.DataFrame:
    """First counts of posts in the order of the posts, null where there are none.

    Args:
        keys: owner_id, post_id of the posts.
        first_counts: from ``warehouse.features.read_first_counts``.
    """
    on = ["owner_id", "post_id"]
    return keys.select(on).join(first_counts, on=on, how="left", maintain_order="left")


def unit_length(components: Matrix) -> Matrix:
    """Rows scaled to length 1; zero where unknown; float32, shape (posts, components)."""
    known = np.nan_to_num(components, nan=0.0)
    lengths = np.linalg.norm(known, axis=1, keepdims=True)
    directions: Matrix = np.divide(known, lengths, out=np.zeros_like(known), where=lengths > 0)
    return directions


def microseconds(moments: pl.Series, unknown: int) -> Moments:
    """Moments as microseconds since 1970."""
    return moments.dt.epoch("us").fill_null(unknown).to_numpy().astype(np.int64)


def _worth(
    history: pl.DataFrame,
    first_counts: pl.DataFrame,
    activity: str,
    prior: RatePrior,
    training: NDArray[np.bool_],
) -> tuple[Floats, Floats, Floats]:
    """How many views each post is worth, its rate, and the rate its owner usually has."""
    counts, exposures = (
        first_counts[f"{activity}_{kind}"].fill_null(0).to_numpy().astype(np.float64)
        for kind in ("count", "exposures")
    )
    usual = smoothed_rates(history, activity, prior)
    known = exposures > 0
    trusted = training & known
    variance = relative_variance(counts[trusted], exposures[trusted], usual[trusted])
    rates = np.divide(counts, exposures, out=np.zeros_like(counts), where=known)
    return information(exposures, usual, variance), rates, usual


def _nearest_weights(cosines: Matrix, most: int) -> Matrix:
    """Weights of each query's nearest posts, those as near as the last one included."""
    if not cosines.size:
        return cosines
    if cosines.shape[1] > most:
        last = np.partition(cosines, -most, axis=1)[:, -most]
        cosines[cosines < last[:, None] - TIE] = UNRELATED
    nearest = cosines.max(axis=1, keepdims=True)
    weights: Matrix = np.exp((cosines - nearest) / np.float32(TEMPERATURE))
    weights[cosines == UNRELATED] = 0
    return weights
