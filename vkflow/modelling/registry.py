"""The metrics a bundle is judged by, and how a user adds one with a single function."""

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from vkflow.errors import SettingsError
from vkflow.modelling.forecasts import Figure, Forecasts
from vkflow.modelling.metrics import Floats

ENTRY_POINTS = "vkflow.metrics"
BINS = 10

Metric = Callable[[Forecasts], Any]
"""A function of forecasts with weights of shape (posts,), to a number."""


def log_loss_per_view(forecasts: Forecasts) -> Figure:
    """-[k log p + (n - k) log(1 - p)], summed over posts, over the sum of views; nats."""
    return forecasts.mean_loss("probabilities")


def log_loss_per_post(forecasts: Forecasts) -> Figure:
    """The same of each post by itself, averaged over posts: a viral post counts once; nats."""
    return forecasts.mean_per_post(forecasts.losses["probabilities"] / forecasts.exposures)


def gain_over_global(forecasts: Forecasts) -> Figure:
    """1 - log loss / log loss of the global rate."""
    return 1 - log_loss_per_view(forecasts) / forecasts.mean_loss("global_rate")


def gain_over_owner(forecasts: Forecasts) -> Figure:
    """1 - log loss / log loss of the smoothed owner rate."""
    return 1 - log_loss_per_view(forecasts) / forecasts.mean_loss("owner_rate")


def loss_against_reference(forecasts: Forecasts) -> Figure:
    """Log loss / log loss of the reference - 1: below 0 is better.

    Raises:
        ValueError: there is no reference.
    """
    if forecasts.reference is None:
        raise ValueError("these forecasts have no reference to compare with")
    return log_loss_per_view(forecasts) / forecasts.mean_loss("reference") - 1


def predicted_over_observed(forecasts: Forecasts) -> Figure:
    """Activities that were predicted, over those that happened, all views together; 1 is right."""
    happened = forecasts.mean_per_view(forecasts.counts)
    predicted = forecasts.mean_per_view(forecasts.exposures * forecasts.probabilities)
    return _quotient(predicted, happened)


def brier(forecasts: Forecasts) -> Figure:
    """Mean squared error of a view: k (1 - p)^2 + (n - k) p^2. Brier (1950), MWR 78."""
    k, n, p = forecasts.counts, forecasts.exposures, forecasts.probabilities
    return forecasts.mean_per_view(k * (1 - p) ** 2 + (n - k) * p**2)


def rate_mse(forecasts: Forecasts) -> Figure:
    """Mean over posts of (k/n - p)^2."""
    return forecasts.mean_per_post(_rate_errors(forecasts) ** 2)


def rate_mae(forecasts: Forecasts) -> Figure:
    """Mean over posts of |k/n - p|."""
    return forecasts.mean_per_post(np.abs(_rate_errors(forecasts)))


def rate_r2(forecasts: Forecasts) -> Figure:
    """1 - MSE / variance of the posts' rates; below 0 for worse than their mean."""
    rates = forecasts.counts / forecasts.exposures
    mean = np.expand_dims(forecasts.mean_per_post(rates), -1)
    spread = forecasts.mean_per_post((rates - mean) ** 2)
    return 1 - _quotient(rate_mse(forecasts), spread)


def auc(forecasts: Forecasts) -> Figure:
    """P(a view with the activity was given a higher p than one without), ties count half.

    Hanley and McNeil (1982), Radiology 143, over all pairs of views.
    """
    order = forecasts.ascending
    k = (forecasts.weights * forecasts.counts)[..., order]
    rest = (forecasts.weights * (forecasts.exposures - forecasts.counts))[..., order]
    starts = np.flatnonzero(np.diff(forecasts.probabilities[order], prepend=-1.0))
    k, rest = np.add.reduceat(k, starts, axis=-1), np.add.reduceat(rest, starts, axis=-1)
    below = np.cumsum(rest, axis=-1) - rest
    pairs = k.sum(axis=-1) * rest.sum(axis=-1)
    return _quotient((k * (below + rest / 2)).sum(axis=-1), pairs)


def calibration_intercept(forecasts: Forecasts) -> Figure:
    """Where the line logit P(activity) = a + b logit p starts; 0 is right.

    Cox (1958), Two further applications of a model for binary regression, Biometrika 45.
    """
    intercept: Floats = forecasts.calibration_line.T[0]
    return intercept


def calibration_slope(forecasts: Forecasts) -> Figure:
    """Slope b of the same line; 1 is right, less than 1 is too extreme."""
    slope: Floats = forecasts.calibration_line.T[1]
    return slope


def expected_calibration_error(forecasts: Forecasts) -> Figure:
    """Mean over views of |observed - predicted rate| in ten groups of posts ordered by p.

    Naeini, Cooper and Hauskrecht (2015), AAAI, with groups of equal numbers of posts.
    """
    order = forecasts.ascending
    starts = np.flatnonzero(np.diff(np.arange(len(order)) * BINS // len(order), prepend=-1))
    weighted = forecasts.weights * forecasts.exposures
    excess = forecasts.weights * (forecasts.counts - forecasts.exposures * forecasts.probabilities)
    by_group = np.add.reduceat(excess[..., order], starts, axis=-1)
    error: Floats = np.abs(by_group).sum(axis=-1) / weighted.sum(axis=-1)
    return error


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

TAKE_RESAMPLES: tuple[Metric, ...] = (*BUILT_IN, loss_against_reference)
"""Metrics that take weights of many resamples at once, and give a number for each."""


def evaluate_resamples(metric: Metric, forecasts: Forecasts) -> Floats:
    """A metric of many resamples; one that somebody added gets them one at a time.

    Args:
        metric: from :func:`load_metrics`.
        forecasts: with weights of shape (resamples, posts).

    Returns:
        Shape (resamples,).
    """
    if metric in TAKE_RESAMPLES:
        return np.asarray(metric(forecasts), dtype=np.float64)
    return np.array([metric(forecasts.reweighted(each)) for each in forecasts.weights])


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


def _quotient(numerator: Figure, denominator: Figure) -> Figure:
    """NaN where the denominator is not above 0."""
    return numerator / np.where(np.greater(denominator, 0), denominator, np.nan)


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
