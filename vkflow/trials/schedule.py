"""Which post, or day, gets which arm: permuted blocks."""

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

WITH: Final = "with"
WITHOUT: Final = "without"
POST: Final = "post"
DAY: Final = "day"
BLOCK: Final = 4
"""Units in a row of which two have each arm: a trial that drifts, or is stopped, stays balanced."""

Drawn = NDArray[np.bool_]


def draw_schedule(n_units: int, seed: int, first_day: date | None = None) -> pl.DataFrame:
    """The arm of every unit: of each block of four in a row two are drawn to have the lever.

    Args:
        n_units: a multiple of ``BLOCK``.
        seed: the same one draws the same schedule.
        first_day: of the first unit, where units are days.

    Returns:
        number (from 1), block (from 1), day (null where units are posts), arm.
    """
    drawn = _draw(1, n_units, np.random.default_rng([seed, 0]))[0]
    numbers = range(1, n_units + 1)
    days = [first_day and first_day + timedelta(days=number - 1) for number in numbers]
    return pl.DataFrame(
        {
            "number": numbers,
            "block": [(number - 1) // BLOCK + 1 for number in numbers],
            "day": days,
            "arm": np.where(drawn, WITH, WITHOUT),
        },
        schema_overrides={"number": pl.Int32, "block": pl.Int32, "day": pl.Date},
    )


def draw_again(n_units: int, times: int, seed: int) -> Drawn:
    """Other schedules that might have been drawn, True with the lever, shape (times, n_units)."""
    return _draw(times, n_units, np.random.default_rng([seed, 1]))


def _draw(times: int, n_units: int, generator: np.random.Generator) -> Drawn:
    block = np.arange(BLOCK) < BLOCK // 2
    blocks = np.tile(block, (times * n_units // BLOCK, 1))
    return generator.permuted(blocks, axis=1).reshape(times, n_units)


def number_posts(
    posts: pl.DataFrame, unit: str, n_units: int, first_day: date | None, time_zone: str
) -> pl.DataFrame:
    """The unit each post of a trial belongs to; posts behind the last unit are left out.

    Args:
        posts: published_at, in order of publication, all since the trial began.
        unit: ``POST``: the first one is unit 1; ``DAY``: those of the first day are.
        n_units: of the trial.
        first_day: of the first unit, where units are days.
        time_zone: of the owner.
    """
    if unit == POST:
        number = pl.int_range(1, pl.len() + 1)
    else:
        local = pl.col("published_at").dt.convert_time_zone(time_zone).dt.date()
        number = (local - pl.lit(first_day)).dt.total_days() + 1
    return posts.with_columns(number.cast(pl.Int32).alias("number")).filter(
        pl.col("number").is_between(1, n_units)
    )


def day_after(moment: datetime, time_zone: str) -> date:
    """The first whole day after a moment, by the owner's clock."""
    return moment.astimezone(ZoneInfo(time_zone)).date() + timedelta(days=1)
