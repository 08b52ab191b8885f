"""How much one post teaches: posts differ beyond chance, so a million views are no million."""

import numpy as np

from vkflow.modelling.metrics import Floats


def overdispersion(counts: Floats, chances: Floats) -> float:
    """Correlation of views within a post, beta-binomial, by the method of moments.

    Kleinman (1973), Proportions with extraneous variance, JASA 68, section 3, with weights
    equal to the views.

    Args:
        counts: activities of each post.
        chances: views of each post, at least 1.

    Returns:
        The correlation, within [0, 1]; 0 when posts differ no more than by chance.
    """
    rate = counts.sum() / chances.sum()
    total, n_posts = chances.sum(), len(chances)
    if n_posts < 2 or not 0 < rate < 1:
        return 0.0
    spread = float((chances * (counts / chances - rate) ** 2).sum())
    chance = rate * (1 - rate) * (n_posts - 1)
    room = rate * (1 - rate) * (total - (chances**2).sum() / total - (n_posts - 1))
    return float(np.clip((spread - chance) / room, 0, 1)) if room > 0 else 0.0


def effective_sample_sizes(chances: Floats, correlation: float) -> Floats:
    """How many views n correlated ones are worth: n / (1 + (n - 1) r).

    Kish (1965), Survey Sampling, 5.4 (design effect of a cluster).
    """
    return chances / (1 + (chances - 1) * correlation)
