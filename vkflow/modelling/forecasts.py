"""Predictions of one activity beside what happened: what every metric is a function of."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vkflow.modelling.metrics import Floats, log_losses, logits, sigmoid
from vkflow.modelling.newton import maximise

PREDICTIONS = ("probabilities", "global_rate", "owner_rate", "reference")
UNWEIGHTED = ("losses", "ascending", "logits")
"""What every resample of the same posts has in common."""


Figure = float | Floats
"""A number, or one for each of many resamples, shape (resamples,)."""


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
        weights: how often each post counts; a bootstrap resample is a vector of weights, and many
            at once are a matrix, shape (resamples, posts).
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
        """The same posts, counted with other weights; what does not depend on them is not redone.

        weights: shape (posts,) or (resamples, posts).
        """
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

    def mean_per_view(self, totals: Floats) -> Figure:
        """Sum of the posts' totals, shape (posts,), over the sum of their views."""
        return self._sum(totals) / self._sum(self.exposures)

    def mean_per_post(self, values: Floats) -> Figure:
        """Mean over posts, of shape (posts,) or (resamples, posts)."""
        total: Floats = self.weights.sum(axis=-1)
        return self._sum(values) / total

    def _sum(self, values: Floats) -> Floats:
        total: Floats = (self.weights * values).sum(axis=-1)
        return total

    def loss_of(self, probabilities: Floats) -> Figure:
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

    def mean_loss(self, name: str) -> Figure:
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
    def calibration_line(self) -> Floats:
        """Intercept a and slope b of logit P(activity) = a + b logit p, by maximum likelihood.

        NaN where the forecasts are all alike. Each post counts for the independent views it is
        worth: fitted to all views, the line would be that of the few viral posts.

        Returns:
            Shape (2,) or (resamples, 2).
        """
        x, n = self.logits, self.weights * self.sizes
        k = n * self.counts / self.exposures

        def step_from(line: Floats) -> Floats:
            p = sigmoid(line[..., :1] + line[..., 1:] * x)
            residual, weight = k - n * p, n * p * (1 - p)
            first, second = residual.sum(axis=-1), (residual * x).sum(axis=-1)
            level, cross = weight.sum(axis=-1), (weight * x).sum(axis=-1)
            slope = (weight * x * x).sum(axis=-1)
            determinant = level * slope - cross**2
            step = np.stack([slope * first - cross * second, level * second - cross * first], -1)
            alike = determinant <= 1e-12 * level * slope
            found: Floats = step / np.where(alike, np.nan, determinant)[..., None]
            return found

        start = np.broadcast_to([0.0, 1.0], (*n.shape[:-1], 2))
        return maximise(start, step_from, longest=2.0, tolerance=1e-6, max_steps=25)
