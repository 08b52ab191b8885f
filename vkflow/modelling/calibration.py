"""A correction of the level, or Platt scaling, where the validation window shows that it helps."""

from dataclasses import dataclass

import numpy as np

from vkflow.modelling.linear import Sample, fit_logistic_ridge
from vkflow.modelling.metrics import Floats, log_losses, sigmoid

MIN_GAIN = 0.001
"""Relative gain in log loss on held-out posts below which a correction is not worth its risk."""

MAX_LEVEL = 10.0
"""Of a correction, on the logit scale; nothing that far off is worth correcting."""


@dataclass(frozen=True)
class Calibration:
    """logit P = intercept + slope x logit p."""

    intercept: float
    slope: float

    def apply(self, logits: Floats) -> Floats:
        """Corrected logits, shape (posts,) as the given ones."""
        return self.intercept + self.slope * logits


IDENTITY = Calibration(0.0, 1.0)


def fit_calibration(logits: Floats, rates: Floats, weights: Floats) -> Calibration:
    """A level, or Platt scaling, of the validation window, if that helps where it was not fitted.

    Each is fitted on each half of the window, in order of time, and judged on the other; the line
    must beat the level, which must beat nothing at all.
    Platt (1999), Probabilistic outputs for support vector machines.

    Args:
        logits: predicted, of the validation posts in order of time, shape (posts,).
        rates: observed.
        weights: what each post counts, in views.
    """
    half = len(logits) // 2
    first, second = np.arange(len(logits)) < half, np.arange(len(logits)) >= half
    if not first.any() or not second.any():
        return IDENTITY
    chosen, best_loss = _keep, _loss(logits, rates, weights)
    for fit in (_fit_level, _fit_line):
        loss = 0.0
        for fitted, judged in ((first, second), (second, first)):
            line = fit(logits[fitted], rates[fitted], weights[fitted])
            loss += _loss(line.apply(logits[judged]), rates[judged], weights[judged])
        if loss < (1 - MIN_GAIN) * best_loss:
            chosen, best_loss = fit, loss
    return chosen(logits, rates, weights)


def _keep(logits: Floats, rates: Floats, weights: Floats) -> Calibration:
    return IDENTITY


def _fit_level(logits: Floats, rates: Floats, weights: Floats) -> Calibration:
    """As many as happened, all posts together."""
    from scipy.optimize import brentq

    def excess(level: float) -> float:
        return float((weights * (sigmoid(logits + level) - rates)).sum())

    if not excess(-MAX_LEVEL) < 0 < excess(MAX_LEVEL):
        return IDENTITY
    return Calibration(float(brentq(excess, -MAX_LEVEL, MAX_LEVEL)), 1.0)


def _fit_line(logits: Floats, rates: Floats, weights: Floats) -> Calibration:
    design = np.stack([np.ones_like(logits), logits], axis=1).astype(np.float32)
    sample = Sample(design, rates, weights)
    intercept, slope = fit_logistic_ridge([sample], 1e-3, np.array([0, 1], dtype=np.float32))
    return Calibration(float(intercept), float(slope))


def _loss(logits: Floats, rates: Floats, weights: Floats) -> float:
    return float(log_losses(rates * weights, weights, sigmoid(logits)).sum())
