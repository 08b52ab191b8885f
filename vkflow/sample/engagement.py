"""Turns posts into views and activities, and says what could be known of them in advance."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.sample.effects import Effects
from vkflow.sample.settings import WorldSettings, random_stream

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# A post's final views: never below a floor, as in the data vkflow began with, plus log-normal.
_FEWEST_VIEWS: Final = 950
_LOG_VIEWS: Final = 8.5
_VIEWS_SPREAD: Final = 0.95
_NODES: Final = 31


@dataclass(frozen=True)
class Engagement:
    """What becomes of n posts in the end.

    Attributes:
        views: int64 (n,) final views.
        counts: int64 (n, 8) final activities, each at most ``views``.
        oracle: (n, 8) expected conversion given everything observable.
        realized: (n, 8) conversion with the post's noise, from which ``counts`` are drawn.
    """

    views: Integers
    counts: Integers
    oracle: Floats
    realized: Floats


def draw_engagement(
    settings: WorldSettings, logits: Floats, effects: Effects, size: Floats
) -> Engagement:
    """Views and activities of posts.

    Args:
        settings: the world's.
        logits: (n, 8) planted logits, without noise.
        effects: for the noise.
        size: (n,) log size of each post's community.
    """
    noise = random_stream(settings.seed, "noise").standard_normal(logits.shape)
    noise = noise @ np.linalg.cholesky(effects.correlations).T * effects.noise
    realized = sigmoid(logits + noise)
    generator = random_stream(settings.seed, "counts")
    log_views = generator.normal(_LOG_VIEWS + size, _VIEWS_SPREAD)
    views = _FEWEST_VIEWS + np.exp(log_views).astype(np.int64)
    return Engagement(
        views=views,
        counts=generator.binomial(views[:, np.newaxis], realized),
        oracle=expected_conversion(logits, effects.noise),
        realized=realized,
    )


def expected_conversion(logits: Floats, noise: Floats) -> Floats:
    """The mean of sigmoid(logit + noise) over normal noise, by Gauss-Hermite quadrature.

    Args:
        logits: (n, k).
        noise: (k,) standard deviations.

    Returns:
        (n, k). See https://en.wikipedia.org/wiki/Gauss-Hermite_quadrature for the change of
        variable that brings in the square root of 2.
    """
    nodes, weights = np.polynomial.hermite.hermgauss(_NODES)
    expected = np.zeros_like(logits)
    for node, weight in zip(nodes, weights, strict=True):
        expected += weight / np.sqrt(np.pi) * sigmoid(logits + np.sqrt(2) * noise * node)
    return expected


def sigmoid(logits: Floats) -> Floats:
    """The probability that belongs to a logit."""
    return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float64)


def oracle_frame(posts: pl.DataFrame, engagement: Engagement) -> pl.DataFrame:
    """A row a post and activity: owner_id, post_id, activity, oracle, realized (Float64)."""
    n_posts, n_activities = engagement.oracle.shape
    rows = posts.select("owner_id", "post_id")[np.repeat(np.arange(n_posts), n_activities)]
    return rows.with_columns(
        activity=pl.Series(ACTIVITY_NAMES * n_posts),
        oracle=pl.Series(engagement.oracle.ravel()),
        realized=pl.Series(engagement.realized.ravel()),
    )
