"""How much one post teaches: posts differ beyond chance, so a million views are no million."""

import numpy as np

from vkflow.modelling.metrics import Floats


def intraclass_correlation(counts: Floats, exposures: Floats) -> float:
    """Correlation of views within a post, beta-binomial, by the method of moments.

    Kleinman (1973), Proportions with extraneous variance, JASA 68, section 3, with weights
    equal to the views.

    Args:
        counts: activities of each post, shape (posts,).
        exposures: views of each post, at least 1, shape (posts,).

    Returns:
        The correlation, within [0, 1]; 0 when posts differ no more than by chance.
    """
    rate = counts.sum() / exposures.sum()
    total, n_posts = exposures.sum(), len(exposures)
    if n_posts < 2 or not 0 < rate < 1:
        return 0.0
    spread = float((exposures * (counts / exposures - rate) ** 2).sum())
    chance = rate * (1 - rate) * (n_posts - 1)
    room = rate * (1 - rate) * (total - (exposures**2).sum() / total - (n_posts - 1))
    return float(np.clip((spread - chance) / room, 0, 1)) if room > 0 else 0.0


def effective_sample_sizes(exposures: Floats, correlation: float) -> Floats:
    """How many views n correlated ones are worth: n / (1 + (n - 1) r).

    Kish (1965), Survey Sampling, 5.4 (design effect of a cluster). Shape (posts,), as given.
    """
    return exposures / (1 + (exposures - 1) * correlation)


def relative_variance(counts: Floats, exposures: Floats, expected: Floats) -> float:
    """Variance of posts' true rates around the expected ones, in units of their squares.

    By moments of the residuals: E (k - n p)^2 = n p (1 - p) + (n p)^2 v, each post weighted by
    1 / (1 + n p), so that neither the many small nor the few large ones decide alone.

    Args:
        counts: activities of each post, shape (posts,).
        exposures: views of each post, at least 1, shape (posts,).
        expected: the rate expected of each post, shape (posts,), by a fit that has not seen it.

    Returns:
        v, at least 0: 0.25 says that rates differ by half of what is expected of them.
    """
    means = exposures * expected
    weights = 1 / (1 + means)
    beyond_chance = weights * ((counts - means) ** 2 - means * (1 - expected))
    room = float((weights * means**2).sum())
    return max(float(beyond_chance.sum()) / room, 0.0) if room > 0 else 0.0


def capped_views(exposures: Floats) -> Floats:
    """Views, at most the 99th percentile: what the measure counts, but for a few viral posts.

    Shape (posts,), as given.
    """
    return np.minimum(exposures, np.quantile(exposures, 0.99))


def information(exposures: Floats, expected: Floats, variance: float) -> Floats:
    """How many independent views a post is worth: n / (1 + n p v).

    The weight of a rate with variance p / n + p^2 v, beside that of a single view: McCullagh and
    Nelder (1989), Generalized Linear Models, 9.2. A post of a quiet owner is worth more of its
    views than one of which much is expected. All arrays have shape (posts,).
    """
    return exposures / (1 + exposures * expected * variance)
