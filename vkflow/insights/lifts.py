"""How much more of an activity posts with something get, beside what their owners usually get."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse, stats

from vkflow.modelling.metrics import Floats
from vkflow.modelling.weights import effective_sample_sizes, intraclass_correlation

PRIOR_POSTS = 3
"""Average posts the global rate counts for in an owner's usual rate."""

LIFT_SCHEMA = {
    "level": pl.Int64,
    "posts": pl.Int64,
    "owners": pl.Int64,
    "lift": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


@dataclass(frozen=True)
class Reactions:
    """What posts got, and what would be usual for their owners, each float64, shape (posts,).

    Attributes:
        got: activities, scaled to the post's effective number of views.
        usual: the owner's smoothed rate times the same number of views.
        owners: a number from 0 for each post's owner.
    """

    got: Floats
    usual: Floats
    owners: NDArray[np.int64]


def reactions(owner_ids: pl.Series, counts: Floats, exposures: Floats) -> Reactions:
    """Beside the usual rate of the owner, smoothed towards that of all owners.

    Views of one post are alike, so that a post of a million views teaches little more than one of
    ten thousand: each counts with its effective number of views (Kish 1965).

    Args:
        owner_ids: owner of each post.
        counts: activities of each post, NaN where unknown, shape (posts,).
        exposures: views of each post, at least 1, shape (posts,).
    """
    known = ~np.isnan(counts)
    safe = np.where(known, counts, 0.0)
    correlation = intraclass_correlation(safe[known], exposures[known]) if known.any() else 0.0
    sizes = np.where(known, effective_sample_sizes(exposures, correlation), 0.0)
    got = sizes * safe / exposures
    owners = np.unique(owner_ids.to_numpy(), return_inverse=True)[1].astype(np.int64)
    n_known = max(int(known.sum()), 1)
    strength = PRIOR_POSTS * float(sizes.sum()) / n_known
    overall = float(got.sum()) / max(float(sizes.sum()), 1e-12)
    rates = (np.bincount(owners, got) + strength * overall) / (
        np.bincount(owners, sizes) + max(strength, 1e-12)
    )
    return Reactions(got, sizes * rates[owners], owners)


def lifts(
    observed: Reactions, membership: sparse.csr_matrix, *, min_posts: int, min_owners: int
) -> pl.DataFrame:
    """The ratio of what posts of a level got to what is usual for their owners, by level.

    The interval is that of a ratio estimator on the logarithmic scale, clustered by owner, or by
    post where there is one owner (Cochran 1977, Sampling Techniques, 6.3 and 9A), with Student's
    quantile for the number of clusters.

    Args:
        observed: from :func:`reactions`.
        membership: 1 where a post has a level, shape (posts, levels).
        min_posts: levels with fewer posts of known outcome are left out.
        min_owners: levels of fewer owners are left out, unless there are fewer in all.

    Returns:
        level, posts, owners, lift, low, high (95 %).
    """
    # Posts without a known outcome have no views to count: they belong to no level here.
    chosen = sparse.diags_array((observed.usual > 0).astype(np.float64)) @ membership
    n_owners = int(observed.owners.max()) + 1 if len(observed.owners) else 0
    clusters = observed.owners if n_owners > 1 else np.arange(len(observed.owners))
    incidence = _incidence(clusters)
    got = np.asarray((incidence @ sparse.diags_array(observed.got) @ chosen).todense())
    usual = np.asarray((incidence @ sparse.diags_array(observed.usual) @ chosen).todense())
    posts = np.asarray(chosen.sum(axis=0)).ravel().astype(np.int64)
    seen = (usual > 0).sum(axis=0)
    kept = (posts >= min_posts) & (got.sum(axis=0) > 0)
    if n_owners > 1:
        kept &= seen >= min(min_owners, n_owners)
    kept &= seen > 1  # one cluster has no variance
    levels = np.flatnonzero(kept)
    got, usual = got[:, levels], usual[:, levels]
    lift = got.sum(axis=0) / usual.sum(axis=0)
    spread = ((got - lift * usual) ** 2).sum(axis=0) * seen[levels] / (seen[levels] - 1)
    quantile = stats.t.ppf(0.975, seen[levels] - 1)
    error = quantile * np.sqrt(spread) / usual.sum(axis=0) / lift
    return pl.DataFrame(
        {
            "level": levels.astype(np.int64),
            "posts": posts[levels],
            "owners": (seen[levels] if n_owners > 1 else np.ones_like(levels)).astype(np.int64),
            "lift": lift,
            "low": lift * np.exp(-error),
            "high": lift * np.exp(error),
        },
        schema=LIFT_SCHEMA,
    )


def memberships(levels: list[list[str]]) -> tuple[sparse.csr_matrix, list[str]]:
    """Which post has which level, and the levels in order; a level counts once a post."""
    names: dict[str, int] = {}
    rows, columns = [], []
    for row, of_post in enumerate(levels):
        for level in dict.fromkeys(of_post):
            rows.append(row)
            columns.append(names.setdefault(level, len(names)))
    shape = (len(levels), len(names))
    return sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape), list(names)


def _incidence(clusters: NDArray[np.int64]) -> sparse.csr_matrix:
    shape = (int(clusters.max()) + 1 if len(clusters) else 0, len(clusters))
    return sparse.csr_matrix((np.ones(len(clusters)), (clusters, np.arange(shape[1]))), shape=shape)
