"""Platt scaling, used only where the validation window shows that it helps."""

from dataclasses import dataclass

import numpy as np

from vkflow.modelling.linear import Sample, fit_logistic_ridge
from vkflow.modelling.metrics import Floats, log_losses, sigmoid

LEAST_GAIN = 0.001
"""Relative gain in log loss on held-out posts below which the line is not worth its risk."""


@dataclass(frozen=True)
class Calibration:
    """logit P = intercept + slope x logit p."""

    intercept: float
    slope: float

    def apply(self, logits: Floats) -> Floats:
        """Corrected logits."""
        return self.intercept + self.slope * logits


IDENTITY = Calibration(0.0, 1.0)


def fit_calibration(logits: Floats, rates: Floats, weights: Floats) -> Calibration:
    """Platt scaling of the validation window, if it also helps where it was not fitted.

    The line is fitted on each half of the window, in order of time, and judged on the other.
    Platt (1999), Probabilistic outputs for support vector machines.

    Args:
        logits: predicted, of the validation posts in order of time.
        rates: observed.
        weights: effective sample sizes.
    """
    half = len(logits) // 2
    first, second = np.arange(len(logits)) < half, np.arange(len(logits)) >= half
    plain, corrected = 0.0, 0.0
    for fitted, judged in ((first, second), (second, first)):
        if not fitted.any() or not judged.any():
            return IDENTITY
        line = _fit_line(logits[fitted], rates[fitted], weights[fitted])
        plain += _loss(logits[judged], rates[judged], weights[judged])
        corrected += _loss(line.apply(logits[judged]), rates[judged], weights[judged])
    if corrected > (1 - LEAST_GAIN) * plain:
        return IDENTITY
    return _fit_line(logits, rates, weights)


def _fit_line(logits: Floats, rates: Floats, weights: Floats) -> Calibration:
    design = np.stack([np.ones_like(logits), logits], axis=1).astype(np.float32)
    sample = Sample(design, rates, weights)
    intercept, slope = fit_logistic_ridge(sample, 1e-3, np.array([0, 1], dtype=np.float32))
    return Calibration(float(intercept), float(slope))


def _loss(logits: Floats, rates: Floats, weights: Floats) -> float:
    return float(log_losses(rates * weights, weights, sigmoid(logits)).sum())
