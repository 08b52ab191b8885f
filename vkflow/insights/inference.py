"""How sure an effect is: intervals by bootstrap over owners, and the false discovery rate."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from vkflow.insights.effects import Sums, log_ratios
from vkflow.modelling.metrics import Floats

CONFIDENCE: Final = 0.95
FALSE_DISCOVERY_RATE: Final = 1 - CONFIDENCE
"""Of verdicts; equal to what intervals may miss, so that no interval of a verdict holds 0."""
FEW_OWNERS: Final = 8
"""With fewer owners their posts are dealt into groups by chance, and groups are drawn: the
interval then says how the advice may differ for other posts of these owners, not for others."""
GROUPS: Final = 100
LEAST_FREEDOM: Final = 4
"""Effects that rest on fewer effective clusters are not judged."""


def clusters(owner: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], int]:
    """What the bootstrap draws: owners, or groups of posts where there are too few owners.

    Returns:
        The cluster of each post, int64, shape (posts,), and how many there are.
    """
    present, cluster = np.unique(owner, return_inverse=True)
    if len(present) >= FEW_OWNERS:
        return cluster.astype(np.int64), len(present)
    n_groups = min(GROUPS, len(owner))
    dealt = np.random.default_rng(seed).permutation(np.arange(len(owner)) % n_groups)
    return dealt.astype(np.int64), n_groups


@cache
def draw_clusters(n_clusters: int, resamples: int, seed: int) -> Floats:
    """How often each cluster is drawn, float64, shape (resamples, clusters); rows sum to n."""
    generator = np.random.default_rng(seed)
    equal = np.full(n_clusters, 1.0 / n_clusters)
    return generator.multinomial(n_clusters, equal, size=resamples).astype(np.float64)


def standard_errors(sums: Sums, resampled: Floats) -> Floats:
    """Standard deviation of the log ratio over resamples of the clusters, shape (levels,).

    A resample without a single post of a level says nothing of it and is left out; the factor
    n / (n - 1) makes up for the resamples' smaller spread.
    """
    ratios = log_ratios(sums, resampled)
    said = np.isfinite(ratios)
    n_said = np.maximum(said.sum(axis=0), 1)
    mean = np.where(said, ratios, 0.0).sum(axis=0) / n_said
    squares = (np.where(said, ratios, mean) - mean) ** 2
    n_clusters = len(sums.weight)
    return np.asarray(np.sqrt(squares.sum(axis=0) / n_said * n_clusters / max(n_clusters - 1, 1)))


def degrees_of_freedom(sums: Sums) -> Floats:
    """Effective number of clusters behind each effect, less one, shape (levels,).

    Clusters of unequal weight are worth fewer equal ones: Carter, Schnepel and Steigerwald (2017),
    Asymptotic behavior of a t-test robust to cluster heterogeneity, Review of Economics and
    Statistics 99.
    """
    information = sums.information
    squares = (information**2).sum(axis=0)
    effective = information.sum(axis=0) ** 2 / np.where(squares > 0, squares, 1.0)
    return np.asarray(np.maximum(effective - 1, 1.0))


@dataclass(frozen=True)
class Estimates:
    """Effects with what is known of their certainty, each float64, shape (levels,).

    Attributes:
        log_ratio: logarithm of the rate with the level over the rate without.
        error: its standard error.
        freedom: degrees of freedom of the error.
        p_value: two-sided; NaN where nothing can be said.
    """

    log_ratio: Floats
    error: Floats
    freedom: Floats
    p_value: Floats


def estimate(sums: Sums, resamples: int, seed: int) -> Estimates:
    """Effects, errors and p-values.

    Rates of posts differ by factors, so the logarithm of a ratio of rates is nearly normal where
    the ratio is skewed: Student's t is used on that scale, with the bootstrap's standard error.
    The nuisances are not fitted again in each resample: they are cross-fitted and the estimate is
    orthogonal to them, so their errors enter as a product of two small ones only (Chernozhukov et
    al. 2018, The Econometrics Journal 21).
    """
    found = log_ratios(sums)
    errors = standard_errors(sums, draw_clusters(len(sums.weight), resamples, seed))
    freedom = degrees_of_freedom(sums)
    with np.errstate(invalid="ignore", divide="ignore"):
        p_value = 2 * stats.t.sf(np.abs(found / errors), freedom)
    p_value[(errors <= 0) | (freedom < LEAST_FREEDOM)] = np.nan
    return Estimates(found, errors, freedom, np.asarray(p_value))


def change_interval(
    log_ratio: Floats, error: Floats, freedom: Floats, missed: float
) -> tuple[Floats, Floats]:
    """Ends of intervals of the change in rate, R - 1, that miss it with probability ``missed``."""
    reach = stats.t.isf(missed / 2, freedom) * error
    return np.expm1(log_ratio - reach), np.expm1(log_ratio + reach)


def selection_adjusted_error(n_evident: int, n_tested: int) -> float:
    """How often an interval may miss its effect, if only those of evident effects are shown.

    With R of m tests evident, intervals at level 1 - R q / m miss the truth in a share q of those
    shown, on average: Benjamini and Yekutieli (2005), False discovery rate-adjusted multiple
    confidence intervals for selected parameters, JASA 100.
    """
    return FALSE_DISCOVERY_RATE * n_evident / max(n_tested, 1)


def q_values(p_values: Floats) -> Floats:
    """Benjamini-Hochberg: the false discovery rate at which a test would be significant.

    Benjamini and Hochberg (1995), Controlling the false discovery rate, JRSS B 57. A test without
    a p-value (NaN) is no test and keeps NaN.
    """
    found = np.full(p_values.shape, np.nan)
    tested = ~np.isnan(p_values)
    if tested.any():
        found[tested] = stats.false_discovery_control(p_values[tested], method="bh")
    return found
