"""Log loss per view, relative gain, and bootstrap intervals over posts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALLEST = 1e-9
"""Probabilities are kept this far from 0 and 1: no view is certain, and log(0) is no number."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval; the bounds are NaN where none was computed."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


def log_losses(counts: Floats, chances: Floats, probabilities: Floats) -> Floats:
    """Log loss of each post, summed over its views.

    Args:
        counts: activities k of each post, 0 <= k <= n.
        chances: views n of each post.
        probabilities: predicted probability p of each post, 0 <= p <= 1.

    Returns:
        -[k log p + (n - k) log(1 - p)] in nats, shape (posts,).
    """
    p = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    return -(counts * np.log(p) + (chances - counts) * np.log1p(-p))


def log_loss_per_view(counts: Floats, chances: Floats, probabilities: Floats) -> float:
    """Sum of the posts' log losses over the sum of their views, in nats."""
    return float(log_losses(counts, chances, probabilities).sum() / chances.sum())


def relative_gain(
    losses: Floats,
    baseline_losses: Floats,
    *,
    groups: NDArray[np.int64],
    samples: int,
    seed: int,
) -> Interval:
    """1 - loss / baseline loss, with a 95 % interval from resampling whole owners.

    Posts of one owner are alike; resampling single posts would make the interval too narrow.
    Percentile bootstrap over clusters: Davison and Hinkley (1997), Bootstrap Methods, 3.8.

    Args:
        losses: summed log loss of each post under the model.
        baseline_losses: the same under the baseline.
        groups: owner of each post.
        samples: resamples.
        seed: of the resampling.
    """
    _, owner = np.unique(groups, return_inverse=True)
    by_owner = np.bincount(owner, weights=losses)
    baseline_by_owner = np.bincount(owner, weights=baseline_losses)
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(len(by_owner), np.full(len(by_owner), 1 / len(by_owner)), samples)
    gains = 1 - (draws @ by_owner) / (draws @ baseline_by_owner)
    low, high = np.quantile(gains, [0.025, 0.975])
    return Interval(float(1 - losses.sum() / baseline_losses.sum()), float(low), float(high))


def attainable_share(loss: float, baseline_loss: float, oracle_loss: float) -> float:
    """(baseline - model) / (baseline - oracle): 1 is as good as can be, 0 no better than it."""
    return (baseline_loss - loss) / (baseline_loss - oracle_loss)
