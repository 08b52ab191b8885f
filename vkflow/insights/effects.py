"""Effects of the levels of a lever on one activity, each against the other levels.

The augmented overlap-weighted estimate: outcomes of posts with the level against those without,
both weighted to the same mix of owners, times, topics and other levers, after the model's response
has been taken off. It is right if either the response or the propensity is (doubly robust): Mao,
Li and Greene (2019), Propensity score weighting analysis and treatment effect estimation,
Statistical Methods in Medical Research 28, section 2.3. Observational all the same: what neither
owner, time, topic, style nor another lever tells is not adjusted for.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from vkflow.insights.responses import Outcomes
from vkflow.modelling.metrics import Floats
from vkflow.modelling.weights import effective_sample_sizes


@dataclass(frozen=True)
class Sums:
    """Weighted sums by cluster (an owner, mostly), each float64, shape (clusters, levels).

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
    """

    weight: Floats
    response_with: Floats
    response_without: Floats
    weight_with: Floats
    residual_with: Floats
    weight_without: Floats
    residual_without: Floats
    information: Floats


def sum_by_cluster(
    outcomes: Outcomes,
    responses: Floats,
    propensities: Floats,
    codes: NDArray[np.int64],
    cluster: NDArray[np.int64],
    n_clusters: int,
    levels: NDArray[np.int64] | None = None,
) -> Sums:
    """The sums an estimate and its bootstrap are made of.

    Posts differ by a factor, so that views of a post are the more alike the higher its rate: its
    effective number of views follows from the rate expected of it. So each post counts about as
    much as any other in the relative change, whatever its rate.

    Args:
        outcomes: of the posts.
        responses: rate expected of the posts at each level, shape (posts, levels).
        propensities: shape (posts, levels), rows sum to 1.
        codes: the level each post has.
        cluster: of each post, in 0 … n_clusters - 1.
        n_clusters: rows of the sums.
        levels: columns of the sums, as places among all levels; by default all of them.
    """
    levels = np.arange(responses.shape[1]) if levels is None else levels
    usual = (propensities * responses).sum(axis=1, keepdims=True)
    propensities, responses = propensities[:, levels], responses[:, levels]
    others = (usual - propensities * responses) / np.maximum(1 - propensities, 1e-12)
    correlation = outcomes.correlation * usual / outcomes.mean
    views = effective_sample_sizes(outcomes.chances[:, np.newaxis], np.minimum(correlation, 1.0))
    has = codes[:, np.newaxis] == levels
    rates = outcomes.rates[:, np.newaxis]
    overlap = propensities * (1 - propensities)
    weight = views * overlap
    weight_with = np.where(has, views * (1 - propensities), 0.0)
    weight_without = np.where(has, 0.0, views * propensities)
    per_post = {
        "weight": weight,
        "response_with": weight * responses,
        "response_without": weight * others,
        "weight_with": weight_with,
        "residual_with": weight_with * (rates - responses),
        "weight_without": weight_without,
        "residual_without": weight_without * (rates - others),
        "information": ((weight_with + weight_without) * usual) ** 2,
    }
    incidence = sparse.csr_array(
        (np.ones(len(cluster)), (cluster, np.arange(len(cluster)))),
        shape=(n_clusters, len(cluster)),
    )
    return Sums(**{name: np.asarray(incidence @ values) for name, values in per_post.items()})


def log_ratios(sums: Sums, resampled: Floats | None = None) -> Floats:
    """Logarithms of rates with a level over rates without, over all clusters.

    Args:
        sums: by cluster.
        resampled: how often each cluster counts, shape (resamples, clusters); by default once.

    Returns:
        float64, shape (levels,), or (resamples, levels); NaN where a side has no posts, or no
        activity.
    """
    times = np.ones((1, len(sums.weight))) if resampled is None else resampled
    names = [field.name for field in fields(Sums)]
    # One product of wide matrices: an owner's are so small that ten would cost three times as much.
    totals = times @ np.hstack([getattr(sums, name) for name in names])
    total = dict(zip(names, np.hsplit(totals, len(names)), strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate_with = total["response_with"] / total["weight"]
        rate_without = total["response_without"] / total["weight"]
        rate_with = rate_with + total["residual_with"] / total["weight_with"]
        rate_without = rate_without + total["residual_without"] / total["weight_without"]
        found = np.log(rate_with / rate_without)
    return np.asarray(found if resampled is not None else found[0])
