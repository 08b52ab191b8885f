"""The smoothed rate of an owner: the second baseline, and the strongest single feature."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.metrics import Floats, log_loss_per_view, logits

# Views the global rate counts for; half-decades from "hardly" to "owners are all alike".
STRENGTHS = np.logspace(2, 8, 25)
UNTOLD_STRENGTH = 1e4
"""Where no training post's owner has a past, and all strengths predict alike."""


@dataclass(frozen=True)
class RatePrior:
    """What is believed of an owner before any view: ``rate``, as strongly as ``strength`` views."""

    rate: float
    strength: float


def smoothed_rates(history: pl.DataFrame, activity: str, prior: RatePrior) -> Floats:
    """(k + m p) / (n + m) from the owner's past k of n, prior rate p and strength m.

    The posterior mean of a beta prior: Gelman et al., Bayesian Data Analysis, 2.4. Without a
    past it is the prior rate.

    Args:
        history: ``history_<activity>_count`` and ``_exposures``, null without a past.
        activity: its name.
        prior: fitted by :func:`fit_prior`.

    Returns:
        Probabilities, float64, shape (posts,).
    """
    counts, exposures = _past(history, activity)
    return (counts + prior.strength * prior.rate) / (exposures + prior.strength)


def fit_prior(history: pl.DataFrame, activity: str, counts: Floats, exposures: Floats) -> RatePrior:
    """The global rate of the training posts, and the strength that predicts them best.

    The strength minimises the log loss of the training posts given their owners' pasts, which
    is an honest prediction since a post is no part of its own past. Where nothing tells, a middling
    one is taken: the weakest would believe whatever an owner's first posts get.

    Args:
        history: as in :func:`smoothed_rates`, of the training posts.
        activity: its name.
        counts: activities of the training posts, shape (posts,).
        exposures: views of the training posts, shape (posts,).
    """
    rate = float(counts.sum() / exposures.sum())
    losses = [
        log_loss_per_view(
            counts, exposures, smoothed_rates(history, activity, RatePrior(rate, strength))
        )
        for strength in STRENGTHS
    ]
    if np.ptp(losses) == 0:
        return RatePrior(rate, UNTOLD_STRENGTH)
    return RatePrior(rate, float(STRENGTHS[int(np.argmin(losses))]))


def fit_priors(
    history: pl.DataFrame,
    counts: Mapping[str, Floats],
    exposures: Mapping[str, Floats],
    training: NDArray[np.bool_],
) -> dict[str, RatePrior]:
    """A prior for every activity that happened among the training posts.

    Args:
        history: of all posts.
        counts: activities of all posts by name, NaN where unknown, shape (posts,).
        exposures: views of all posts by name, NaN where unknown, shape (posts,).
        training: which posts to fit on.
    """
    priors = {}
    for activity, known in counts.items():
        rows = np.flatnonzero(training & ~np.isnan(known))
        if len(rows) and known[rows].any():
            priors[activity] = fit_prior(
                history[rows], activity, known[rows], exposures[activity][rows]
            )
    return priors


def owner_rate_columns(history: pl.DataFrame, priors: Mapping[str, RatePrior]) -> dict[str, Floats]:
    """For every activity with a prior the logit of the smoothed rate, and its recent trend.

    The trend is the logit of the last 30 days' rate, smoothed towards the owner's own rate with
    the same strength, less the logit of that; 0 when nothing is known of those days. Each has
    shape (posts,).
    """
    columns = {}
    for activity, prior in priors.items():
        rates = smoothed_rates(history, activity, prior)
        counts, exposures = _past(history, f"recent_{activity}")
        recent = (counts + prior.strength * rates) / (exposures + prior.strength)
        columns[f"owner_{activity}_logit"] = logits(rates)
        columns[f"owner_{activity}_trend"] = logits(recent) - logits(rates)
    return columns


def _past(history: pl.DataFrame, activity: str) -> tuple[Floats, Floats]:
    """Counts and exposures; corrections of old counts can make those of a window negative."""
    names = (f"history_{activity}_count", f"history_{activity}_exposures")
    counts, exposures = (
        history[name].cast(pl.Float64).fill_null(0.0).clip(0.0).to_numpy().astype(np.float64)
        for name in names
    )
    return np.minimum(counts, exposures), exposures
