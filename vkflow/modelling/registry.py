"""The metrics a bundle is judged by, and how a user adds one with a single function."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vkflow.errors import SettingsError
from vkflow.modelling.metrics import Floats, log_losses, logits, sigmoid
from vkflow.modelling.newton import maximise

ENTRY_POINTS = "vkflow.metrics"
BINS = 10
PREDICTIONS = ("probabilities", "global_rate", "owner_rate", "reference")
UNWEIGHTED = ("losses", "ascending", "logits")
"""What every resample of the same posts has in common."""


@dataclass(frozen=True)
class Forecasts:
    """Predictions of one activity beside what happened, one entry a post.

    Attributes:
        counts: activities k.
        exposures: views n, at least 1.
        probabilities: predicted p, within (0, 1).
        global_rate: the first baseline's p.
        owner_rate: the second baseline's p.
        sizes: independent views that each post is worth (effective sample sizes).
        weights: how often each post counts; a bootstrap resample is a vector of weights.
        reference: other predictions of the same posts to compare with, or none.
    """

    counts: Floats
    exposures: Floats
    probabilities: Floats
    global_rate: Floats
    owner_rate: Floats
    sizes: Floats
    weights: Floats
    reference: Floats | None = None

    def reweighted(self, weights: Floats) -> "Forecasts":
        """The same posts, counted with weights of shape (posts,); what has none is not redone."""
        other = replace(self, weights=weights)
        other.__dict__.update({name: getattr(self, name) for name in UNWEIGHTED})
        return other

    def __getitem__(self, chosen: NDArray[Any]) -> "Forecasts":
        """Only the chosen posts, by a mask or by position."""
        chosen_parts: dict[str, Any] = {
            each.name: None if (part := getattr(self, each.name)) is None else part[chosen]
            for each in fields(self)
        }
        return Forecasts(**chosen_parts)

    def mean_per_view(self, totals: Floats) -> float:
        """Sum of the posts' totals, shape (posts,), over the sum of their views."""
        return float((self.weights * totals).sum() / (self.weights * self.exposures).sum())

    def mean_per_post(self, values: Floats) -> float:
        """Mean over posts, of shape (posts,)."""
        return float((self.weights * values).sum() / self.weights.sum())

    def loss_of(self, probabilities: Floats) -> float:
        """Log loss per view of other predictions of the same posts, shape (posts,)."""
        return self.mean_per_view(log_losses(self.counts, self.exposures, probabilities))

    @cached_property
    def losses(self) -> dict[str, Floats]:
        """Log loss of each post over its views, shape (posts,), by the field that predicts it."""
        predictions = {name: getattr(self, name) for name in PREDICTIONS}
        return {
            name: log_losses(self.counts, self.exposures, values)
            for name, values in predictions.items()
            if values is not None
        }

    def mean_loss(self, name: str) -> float:
        """Log loss per view of what a field predicts, such as ``owner_rate``; nats."""
        return self.mean_per_view(self.losses[name])

    @cached_property
    def ascending(self) -> NDArray[np.int64]:
        """Places of posts by rising probability, int64, shape (posts,); ties keep their order."""
        return np.argsort(self.probabilities, kind="stable")

    @cached_property
    def logits(self) -> Floats:
        """Of the probabilities, shape (posts,)."""
        return logits(self.probabilities)

    @cached_property
    def calibration_line(self) -> tuple[float, float]:
        """Intercept a and slope b of logit P(activity) = a + b logit p, by maximum likelihood.

        NaN where the forecasts are all alike. Each post counts for the independent views it is
        worth: fitted to all views, the line would be that of the few viral posts.
        """
        x, n = self.logits, self.weights * self.sizes
        k = n * self.counts / self.exposures

        def step_from(line: Floats) -> Floats:
            p = sigmoid(line[0] + line[1] * x)
            residual, weight = k - n * p, n * p * (1 - p)
            gradient = np.array([residual.sum(), (residual * x).sum()])
            cross = (weight * x).sum()
            hessian = np.array([[weight.sum(), cross], [cross, (weight * x * x).sum()]])
            if np.linalg.det(hessian) <= 1e-12 * hessian[0, 0] * hessian[1, 1]:
                return np.full(2, np.nan)
            return np.linalg.solve(hessian, gradient)

        line = maximise(np.array([0.0, 1.0]), step_from, longest=2.0, tolerance=1e-6, max_steps=25)
        return float(line[0]), float(line[1])


Metric = Callable[[Forecasts], float]


def log_loss_per_view(forecasts: Forecasts) -> float:
    """-[k log p + (n - k) log(1 - p)], summed over posts, over the sum of views; nats."""
    return forecasts.mean_loss("probabilities")


def log_loss_per_post(forecasts: Forecasts) -> float:
    """The same of each post by itself, averaged over posts: a viral post counts once; nats."""
    return forecasts.mean_per_post(forecasts.losses["probabilities"] / forecasts.exposures)


def gain_over_global(forecasts: Forecasts) -> float:
    """1 - log loss / log loss of the global rate."""
    return 1 - log_loss_per_view(forecasts) / forecasts.mean_loss("global_rate")


def gain_over_owner(forecasts: Forecasts) -> float:
    """1 - log loss / log loss of the smoothed owner rate."""
    return 1 - log_loss_per_view(forecasts) / forecasts.mean_loss("owner_rate")


def loss_against_reference(forecasts: Forecasts) -> float:
    """Log loss / log loss of the reference - 1: below 0 is better.

    Raises:
        ValueError: there is no reference.
    """
    if forecasts.reference is None:
        raise ValueError("these forecasts have no reference to compare with")
    return log_loss_per_view(forecasts) / forecasts.mean_loss("reference") - 1


def predicted_over_observed(forecasts: Forecasts) -> float:
    """Activities that were predicted, over those that happened, all views together; 1 is right."""
    happened = forecasts.mean_per_view(forecasts.counts)
    predicted = forecasts.mean_per_view(forecasts.exposures * forecasts.probabilities)
    return predicted / happened if happened > 0 else float("nan")


def brier(forecasts: Forecasts) -> float:
    """Mean squared error of a view: k (1 - p)^2 + (n - k) p^2. Brier (1950), MWR 78."""
    k, n, p = forecasts.counts, forecasts.exposures, forecasts.probabilities
    return forecasts.mean_per_view(k * (1 - p) ** 2 + (n - k) * p**2)


def rate_mse(forecasts: Forecasts) -> float:
    """Mean over posts of (k/n - p)^2."""
    return forecasts.mean_per_post(_rate_errors(forecasts) ** 2)


def rate_mae(forecasts: Forecasts) -> float:
    """Mean over posts of |k/n - p|."""
    return forecasts.mean_per_post(np.abs(_rate_errors(forecasts)))


def rate_r2(forecasts: Forecasts) -> float:
    """1 - MSE / variance of the posts' rates; below 0 for worse than their mean."""
    rates = forecasts.counts / forecasts.exposures
    spread = forecasts.mean_per_post((rates - forecasts.mean_per_post(rates)) ** 2)
    return 1 - rate_mse(forecasts) / spread if spread > 0 else float("nan")


def auc(forecasts: Forecasts) -> float:
    """P(a view with the activity was given a higher p than one without), ties count half.

    Hanley and McNeil (1982), Radiology 143, over all pairs of views.
    """
    order = forecasts.ascending
    k = (forecasts.weights * forecasts.counts)[order]
    rest = (forecasts.weights * (forecasts.exposures - forecasts.counts))[order]
    starts = np.flatnonzero(np.diff(forecasts.probabilities[order], prepend=-1.0))
    k, rest = np.add.reduceat(k, starts), np.add.reduceat(rest, starts)
    below = np.cumsum(rest) - rest
    pairs = k.sum() * rest.sum()
    return float((k * (below + rest / 2)).sum() / pairs) if pairs > 0 else float("nan")


def calibration_intercept(forecasts: Forecasts) -> float:
    """Where the line logit P(activity) = a + b logit p starts; 0 is right.

    Cox (1958), Two further applications of a model for binary regression, Biometrika 45.
    """
    return forecasts.calibration_line[0]


def calibration_slope(forecasts: Forecasts) -> float:
    """Slope b of the same line; 1 is right, less than 1 is too extreme."""
    return forecasts.calibration_line[1]


def expected_calibration_error(forecasts: Forecasts) -> float:
    """Mean over views of |observed - predicted rate| in ten groups of posts ordered by p.

    Naeini, Cooper and Hauskrecht (2015), AAAI, with groups of equal numbers of posts.
    """
    order = forecasts.ascending
    group = np.empty(len(order), dtype=np.int64)
    group[order] = np.arange(len(order)) * BINS // len(order)
    weighted = forecasts.weights * forecasts.exposures
    excess = forecasts.weights * (forecasts.counts - forecasts.exposures * forecasts.probabilities)
    return float(np.abs(np.bincount(group, excess, BINS)).sum() / weighted.sum())


BUILT_IN: tuple[Metric, ...] = (
    log_loss_per_view,
    log_loss_per_post,
    gain_over_global,
    gain_over_owner,
    brier,
    rate_mse,
    rate_mae,
    rate_r2,
    auc,
    predicted_over_observed,
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
)


def load_metrics(references: Iterable[str] = ()) -> dict[str, Metric]:
    """All metrics by name: built in, from entry points, and those the settings name.

    Args:
        references: ``package.module:function``, each a function of :class:`Forecasts`.

    Raises:
        SettingsError: a reference does not lead to a function.
    """
    metrics = {metric.__name__: metric for metric in BUILT_IN}
    metrics |= {point.name: point.load() for point in entry_points(group=ENTRY_POINTS)}
    return metrics | {ref.rpartition(":")[2]: _resolve(ref) for ref in references}


def _rate_errors(forecasts: Forecasts) -> Floats:
    return forecasts.counts / forecasts.exposures - forecasts.probabilities


def _resolve(reference: str) -> Metric:
    module, _, name = reference.rpartition(":")
    try:
        metric = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"training.metrics: {reference!r} leads nowhere ({error}); "
            f"write package.module:function"
        ) from error
    if not callable(metric):
        raise SettingsError(f"training.metrics: {reference!r} is no function")
    return metric  # type: ignore[no-any-return]
