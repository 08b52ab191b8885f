"""Snapshots: counts grow with a post's age, and each visit sees what has come so far."""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from vkflow.activities import COUNT_COLUMNS
from vkflow.sample.engagement import Engagement
from vkflow.sample.settings import WorldSettings, random_stream

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Hours of age at which posts are visited: the earliest, and how much later it may become. The
# visit at three days comes after 72 hours, when a post counts as mature.
_VISITS: Final = ((24, 6), (72, 12), (168, 24), (336, 24), (720, 24))
# Hours in which most of what comes at once has come to 63 %; the post's own.
_PACE: Final = (15.0, 23.0)
# The part that comes at once: of activities more than of views, so that rates fall for weeks, as on
# real walls. From 72 hours on views grow by a third, activities by a twelfth. The rest comes with
# the logarithm of the age, until all has come.
_AT_ONCE_VIEWS: Final = 0.6
_AT_ONCE_ACTIVITIES: Final = 0.88
_WHOLE_HOURS: Final = 720.0
_SCALE_HOURS: Final = 24.0


def draw_snapshots(
    settings: WorldSettings, posts: pl.DataFrame, engagement: Engagement
) -> pl.DataFrame:
    """The counts of posts at ages of about 1, 3, 7, 14 and 30 days, as far as the world goes.

    Each view, and each activity, comes at a random time after publication, most of them at a pace
    of the post's own; so a visit sees a binomial part of what the next one will see. At 30 days
    all have come, at the conversions that were planted.

    Returns:
        owner_id, post_id, observed_at Datetime("us", "UTC"), views, reach (null), and a column
        for each activity, all Int64; in order of observation.
    """
    generator = random_stream(settings.seed, "growth")
    pace = generator.uniform(*_PACE, len(posts))
    ages = np.column_stack(
        [first + generator.uniform(0, later, len(posts)) for first, later in _VISITS]
    )
    final = np.column_stack([engagement.views, engagement.counts])
    counts = _thin(final, _shares(ages, pace), generator)
    visits = [_visit(posts, ages[:, visit], counts[:, visit]) for visit in range(len(_VISITS))]
    return (
        pl.concat(visits)
        .filter(pl.col("observed_at") <= settings.until)
        .sort("observed_at", "owner_id", "post_id")
    )


def _shares(ages: Floats, pace: Floats) -> Floats:
    """Parts of the final views and activities at ages in hours, shape (n, visits, 2)."""
    at_once = 1.0 - np.exp(-ages / pace[:, np.newaxis])
    slowly = np.log1p(ages / _SCALE_HOURS) / np.log1p(_WHOLE_HOURS / _SCALE_HOURS)
    parts = [part * at_once + (1 - part) * slowly for part in (_AT_ONCE_VIEWS, _AT_ONCE_ACTIVITIES)]
    shares: Floats = np.minimum(np.stack(parts, axis=-1), 1.0)
    return shares


def _thin(final: Integers, shares: Floats, generator: np.random.Generator) -> Integers:
    """(n, visits, counts): the last visit thins the final counts, each other one its next."""
    n_posts, n_visits, _ = shares.shape
    # Views come first among the counts.
    of_count = shares[:, :, (np.arange(final.shape[1]) > 0).astype(np.int64)]
    counts = np.empty((n_posts, n_visits, final.shape[1]), dtype=np.int64)
    later, later_share = final, np.ones(final.shape)
    for visit in reversed(range(n_visits)):
        later = generator.binomial(later, of_count[:, visit] / later_share)
        counts[:, visit], later_share = later, of_count[:, visit]
    # Views and activities are thinned apart, so a very young post might be ahead of its views.
    return np.minimum(counts, counts[:, :, :1])


def _visit(posts: pl.DataFrame, age: Floats, counts: Integers) -> pl.DataFrame:
    seconds = pl.lit(pl.Series((age * 3600).astype(np.int64)))
    activities = {name: counts[:, i] for i, name in enumerate(COUNT_COLUMNS, start=1)}
    return posts.select(
        "owner_id",
        "post_id",
        observed_at=pl.col("published_at") + pl.duration(seconds=seconds, time_unit="us"),
        views=pl.Series(counts[:, 0]),
        reach=pl.lit(None, pl.Int64),
        **{name: pl.Series(values) for name, values in activities.items()},
    )
