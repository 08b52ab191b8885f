"""Turns posts into views and activities, and says what could be known of them in advance."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.sample.effects import Effects
from vkflow.sample.lifelike import PLAIN, Audience
from vkflow.sample.settings import WorldSettings, random_stream

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# A post's final views: never below a floor, as in the data vkflow began with, plus log-normal.
_FEWEST_VIEWS: Final = 950
_LOG_VIEWS: Final = 8.5
_VIEWS_SPREAD: Final = 0.95
_NODES: Final = 31
_REPOST: Final = ACTIVITY_NAMES.index("repost")


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
    settings: WorldSettings,
    logits: Floats,
    effects: Effects,
    size: Floats,
    audience: Audience = PLAIN,
) -> Engagement:
    """Views and activities of posts.

    Args:
        settings: the world's.
        logits: (n, 8) planted logits, without noise.
        effects: for the noise.
        size: (n,) log size of each post's community.
        audience: how views and conversions hang together.
    """
    noise = random_stream(settings.seed, "noise").standard_normal(logits.shape)
    noise = noise @ np.linalg.cholesky(effects.correlations).T * effects.noise
    generator = random_stream(settings.seed, "counts")
    surprise = generator.normal(0, _VIEWS_SPREAD, len(size))
    is_viral = random_stream(settings.seed, "viral").random(len(size)) < audience.viral_share
    surprise = surprise + is_viral * np.log(audience.viral_views)
    shift = np.outer(surprise, np.full(logits.shape[1], audience.elasticity))
    shift[is_viral, _REPOST] += audience.viral_reposts
    realized = sigmoid(logits + noise + shift)
    views = _FEWEST_VIEWS + np.exp(_LOG_VIEWS + size + surprise).astype(np.int64)
    return Engagement(
        views=views,
        counts=generator.binomial(views[:, np.newaxis], realized),
        oracle=expected_per_view(logits, effects.noise, size, audience),
        realized=realized,
    )


def expected_per_view(logits: Floats, noise: Floats, size: Floats, audience: Audience) -> Floats:
    """The conversion to expect of one view, given all that can be observed, shape (n, 8).

    A view belongs to a post with many views more often than to one with few. Weighed by views, log
    views of variance s^2 have their mean shifted by s^2; only the views below the floor, which all
    posts have, are shared out evenly.

    Args:
        logits: (n, 8) planted logits.
        noise: (8,) standard deviations.
        size: (n,) log size of each post's community.
        audience: how views and conversions hang together.
    """
    if audience == PLAIN:  # views and conversions have nothing to do with one another
        return expected_conversion(logits, noise)
    spread = np.sqrt(noise**2 + (audience.elasticity * _VIEWS_SPREAD) ** 2)
    usual = np.exp(_LOG_VIEWS + size + _VIEWS_SPREAD**2 / 2)
    weighed, total = np.zeros_like(logits), np.zeros(len(logits))
    for is_viral, share in enumerate((1 - audience.viral_share, audience.viral_share)):
        factor = audience.viral_views**is_viral
        for views, tilt in ((np.full(len(size), _FEWEST_VIEWS), 0.0), (usual * factor, 1.0)):
            surprise = tilt * _VIEWS_SPREAD**2 + np.log(factor)
            shifted = logits + audience.elasticity * surprise
            shifted[:, _REPOST] += is_viral * audience.viral_reposts
            weight = share * views
            weighed += weight[:, np.newaxis] * expected_conversion(shifted, spread)
            total += weight
    return np.asarray(weighed / total[:, np.newaxis], dtype=np.float64)


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
    """The probability that belongs to a logit, shape (n, k), as given."""
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
