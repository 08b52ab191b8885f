"""Log loss per view, and the logit scale."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SMALLEST = 1e-9
"""Probabilities are kept this far from 0 and 1: no view is certain, and log(0) is no number."""


def logits(probabilities: Floats) -> Floats:
    """log(p / (1 - p)), shape kept."""
    p = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    return np.log(p) - np.log1p(-p)


def sigmoid(values: NDArray[np.floating[Any]]) -> Floats:
    """1 / (1 + exp(-x)), float64, shape kept; no overflow at either end."""
    x = np.asarray(values, dtype=np.float64)
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def log_losses(counts: Floats, exposures: Floats, probabilities: Floats) -> Floats:
    """Log loss of each post, summed over its views.

    Args:
        counts: activities k of each post, 0 <= k <= n.
        exposures: views n of each post.
        probabilities: predicted probability p of each post, 0 <= p <= 1.

    Returns:
        -[k log p + (n - k) log(1 - p)] in nats, shape (posts,).
    """
    p = np.clip(probabilities, SMALLEST, 1 - SMALLEST)
    return -(counts * np.log(p) + (exposures - counts) * np.log1p(-p))


def log_loss_per_view(counts: Floats, exposures: Floats, probabilities: Floats) -> float:
    """Sum of the posts' log losses over the sum of their views, in nats; shape (posts,) each."""
    return float(log_losses(counts, exposures, probabilities).sum() / exposures.sum())


def attainable_share(loss: float, baseline_loss: float, oracle_loss: float) -> float:
    """(baseline - model) / (baseline - oracle): 1 is as good as can be, 0 no better than it."""
    return (baseline_loss - loss) / (baseline_loss - oracle_loss)
