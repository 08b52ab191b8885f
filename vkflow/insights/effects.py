"""Effects of the levels of a lever on one activity, each against the other levels.

The augmented overlap-weighted estimate: outcomes of posts with the level against those without,
both weighted to the same mix of owners, times, topics and other levers, after the model's response
has been taken off. It is right if either the response or the propensity is (doubly robust): Mao,
Li and Greene (2019), Propensity score weighting analysis and treatment effect estimation,
Statistical Methods in Medical Research 28, section 2.3. Observational all the same: what neither
owner, time, topic, style nor another lever tells is not adjusted for.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from vkflow.insights.responses import Outcomes
from vkflow.modelling.metrics import Floats
from vkflow.modelling.weights import effective_sample_sizes

POSTS_AT_ONCE = 50_000
"""Their products fit a processor's cache, and memory, however many posts there are."""


@dataclass(frozen=True)
class Clusters:
    """What varies as a whole, and which of it is estimated together.

    Attributes:
        of_post: int64, shape (posts,), in 0 … n - 1.
        starts: int64, shape (strata,): the first cluster of each stratum; all posts together are
            one stratum, or each owner's are one.
        n: clusters.
    """

    of_post: NDArray[np.int64]
    starts: NDArray[np.int64]
    n: int


@dataclass(frozen=True)
class Sums:
    """Weighted sums by cluster, each float64, shape (clusters, levels).

    The weight w of a post is its effective number of views; e its propensity of a level.

    Attributes:
        weight: w e (1 - e).
        response_with: of the rate expected with the level, so weighted.
        response_without: of the rate expected with the other levels, so weighted.
        weight_with: w (1 - e) of posts with the level.
        residual_with: of what their rates exceed the response by.
        weight_without: w e of posts without the level.
        residual_without: of what their rates exceed the response by.
        information: squared weights that the variance is made of.
        starts: the first cluster of each stratum, int64, shape (strata,).
    """

    weight: Floats
    response_with: Floats
    response_without: Floats
    weight_with: Floats
    residual_with: Floats
    weight_without: Floats
    residual_without: Floats
    information: Floats
    starts: NDArray[np.int64]

    def total(self, values: Floats) -> Floats:
        """Sums of such values by stratum, shape (strata, levels)."""
        return np.asarray(np.add.reduceat(values, self.starts, axis=0))

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Clusters of each stratum, shape (strata,)."""
        return np.diff(self.starts, append=len(self.weight))


def sum_by_cluster(
    outcomes: Outcomes,
    responses: Floats,
    propensities: Floats,
    codes: NDArray[np.int64],
    clusters: Clusters,
    levels: NDArray[np.int64] | None = None,
) -> Sums:
    """The sums an estimate and its error are made of.

    Posts differ by a factor, so that views of a post are the more alike the higher its rate: its
    effective number of views follows from the rate expected of it. So each post counts about as
    much as any other in the relative change, whatever its rate.

    Args:
        outcomes: of the posts.
        responses: rate expected of the posts at each level, shape (posts, levels).
        propensities: shape (posts, levels), rows sum to 1.
        codes: the level each post has.
        clusters: of the posts.
        levels: columns of the sums, as places among all levels; by default all of them.
    """
    levels = np.arange(responses.shape[1]) if levels is None else levels
    sums: dict[str, Floats] = {}
    for start in range(0, len(codes), POSTS_AT_ONCE):
        part = slice(start, start + POSTS_AT_ONCE)
        per_post = _per_post(
            outcomes, part, responses[part], propensities[part], codes[part], levels
        )
        of_post = clusters.of_post[part]
        incidence = sparse.csr_array(
            (np.ones(len(of_post)), (of_post, np.arange(len(of_post)))),
            shape=(clusters.n, len(of_post)),
        )
        for name, values in per_post.items():
            sums[name] = np.asarray(incidence @ values) + sums.get(name, 0.0)
    return Sums(**sums, starts=clusters.starts)


def _per_post(
    outcomes: Outcomes,
    part: slice,
    responses: Floats,
    propensities: Floats,
    codes: NDArray[np.int64],
    levels: NDArray[np.int64],
) -> dict[str, Floats]:
    """What is summed of each post of a part, each shape (posts, levels); other arguments as above.

    All but ``outcomes`` are of these posts alone.
    """
    usual = (propensities * responses).sum(axis=1, keepdims=True)
    propensities, responses = propensities[:, levels], responses[:, levels]
    others = (usual - propensities * responses) / np.maximum(1 - propensities, 1e-12)
    correlation = outcomes.correlation * usual / outcomes.mean
    exposures, rates = (values[part, np.newaxis] for values in (outcomes.exposures, outcomes.rates))
    views = effective_sample_sizes(exposures, np.minimum(correlation, 1.0))
    has = codes[:, np.newaxis] == levels
    overlap = propensities * (1 - propensities)
    weight = views * overlap
    weight_with = np.where(has, views * (1 - propensities), 0.0)
    weight_without = np.where(has, 0.0, views * propensities)
    return {
        "weight": weight,
        "response_with": weight * responses,
        "response_without": weight * others,
        "weight_with": weight_with,
        "residual_with": weight_with * (rates - responses),
        "weight_without": weight_without,
        "residual_without": weight_without * (rates - others),
        "information": ((weight_with + weight_without) * usual) ** 2,
    }


def log_ratios(sums: Sums) -> tuple[Floats, Floats]:
    """Logarithms of rates with a level over rates without, and their standard errors.

    The variance is that of the linearised estimate, summed by cluster, with the factor n / (n - 1)
    for n clusters (Cameron and Miller 2015, A practitioner's guide to cluster-robust inference,
    Journal of Human Resources 50).

    Returns:
        Each float64, shape (strata, levels); NaN where a side has no posts, or no activity.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        rate_with, pull_with = _rate(sums, sums.response_with, sums.residual_with, sums.weight_with)
        rate_without, pull_without = _rate(
            sums, sums.response_without, sums.residual_without, sums.weight_without
        )
        found = np.log(rate_with / rate_without)
        pull = _spread(sums, 1 / rate_with) * pull_with
        pull = pull - _spread(sums, 1 / rate_without) * pull_without
        sizes = sums.sizes[:, np.newaxis]
        variance = sums.total(pull**2) * sizes / np.maximum(sizes - 1, 1)
    return np.asarray(found), np.asarray(np.sqrt(variance))


def _rate(sums: Sums, response: Floats, residual: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """A rate, (strata, levels), and what each cluster moves it by, (clusters, levels)."""
    expected = sums.total(response) / sums.total(sums.weight)
    beyond = sums.total(residual) / sums.total(weight)
    pull = (response - _spread(sums, expected) * sums.weight) / _spread(
        sums, sums.total(sums.weight)
    )
    pull = pull + (residual - _spread(sums, beyond) * weight) / _spread(sums, sums.total(weight))
    return expected + beyond, pull


def _spread(sums: Sums, of_stratum: Floats) -> Floats:
    """Values of strata as those of their clusters."""
    return np.repeat(of_stratum, sums.sizes, axis=0)
