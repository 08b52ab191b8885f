"""How counts go on growing with a post's age, so that all are brought to one stated age.

At 72 hours a post has most of its activities and three quarters of its views: its rates fall for
weeks. Labels taken at different ages would mix levels by as much as a good model gains.
"""

from typing import Any, Final

import numpy as np
import polars as pl

from vkflow.modelling.metrics import Floats
from vkflow.modelling.newton import maximise

STATED_AGE_DAYS: Final = 30
"""The age of a post that all rates, labels, histories and predictions speak of."""

KNOTS_DAYS: Final = (1, 3, 7, 14, 30, 90, 365)
"""Between two knots the logarithm of a count grows with that of the age; later not at all."""

# Logarithms of what counts grow by between two knots, as on nine walls of 2024 that were crawled
# twice: views from three days on by 36 %, activities by 9 %, since most come in the first hours.
_VIEWS: Final = (0.13, 0.15, 0.05, 0.04, 0.04, 0.025)
_ACTIVITIES: Final = (0.07, 0.05, 0.017, 0.008, 0.005, 0.003)
PRIOR: Final = {
    "views": _VIEWS,
    "likes": _ACTIVITIES,
    "comments": _ACTIVITIES,
    "reposts": _ACTIVITIES,
    "shares_to_message": _ACTIVITIES,
    "hides": _ACTIVITIES,
    "expands": _ACTIVITIES,
    "photo_opens": _ACTIVITIES,
    "opens": _ACTIVITIES,
}
PRIOR_SHARE: Final = 0.25
PRIOR_DEVIATION: Final = 0.02
"""Standard deviation of the prior growth: a share of it, and as much for all."""

TYPICAL_COUNT: Final = 25.0
"""A post with that many of something weighs half of what a very large one does: beyond it posts
differ by more than chance, by a fifth in what they still grow."""

STEPS_PER_DOUBLING: Final = 8
STEPS: Final = int(np.ceil(np.log2(KNOTS_DAYS[-1]) * STEPS_PER_DOUBLING)) + 1
DECIMALS: Final = 3
"""Of the factors: the same snapshots give the same ones, whatever the order of their sums."""
_NEWTON_STEPS: Final = 20


def fit_growth(pairs: pl.DataFrame) -> pl.DataFrame:
    """Factors that bring counts of an age to ``STATED_AGE_DAYS``.

    Maximises the posterior of the growth between knots: sums of counts are Poisson around those of
    the snapshots before, overdispersed by ``TYPICAL_COUNT``, and the prior is normal. Quasi-
    likelihood as in McCullagh and Nelder (1989), Generalized Linear Models, 9.2.

    Args:
        pairs: from ``warehouse.growth.read_growth_pairs``: name of the count, step_before and
            step_after of the ages, before and after, sums of counts over pairs of snapshots,
            each post weighing 1 / (``TYPICAL_COUNT`` + its count before).

    Returns:
        age_hours, from which on the row holds until the next one's; ``<count>_growth``, Float64.
    """
    steps = np.arange(STEPS)
    ages = 24 * np.exp2(steps / STEPS_PER_DOUBLING)
    ages[0] = 0  # younger ones are taken for a day old
    columns: dict[str, Any] = {"age_hours": ages}
    for name, prior in PRIOR.items():
        growth = _posterior(pairs.filter(pl.col("name") == name), np.array(prior))
        stated = _later_segments(np.array([STATED_AGE_DAYS])) @ growth
        remaining = _later_segments(_middle_days(steps)) @ growth
        columns[f"{name}_growth"] = np.round(np.exp(remaining - stated), DECIMALS)
    return pl.DataFrame(columns)


def _posterior(pairs: pl.DataFrame, prior: Floats) -> Floats:
    """Growth between knots, in logarithms; a count that can only grow does not shrink."""
    covered = _later_segments(_middle_days(pairs["step_before"].to_numpy()))
    covered -= _later_segments(_middle_days(pairs["step_after"].to_numpy()))
    before, after = (TYPICAL_COUNT * pairs[name].to_numpy() for name in ("before", "after"))
    precision = 1 / (PRIOR_SHARE * prior + PRIOR_DEVIATION) ** 2

    def step_from(growth: Floats) -> Floats:
        expected = before * np.exp(covered @ growth)
        gradient = covered.T @ (after - expected) - precision * (growth - prior)
        curvature = covered.T @ (covered * expected[:, None]) + np.diag(precision)
        return np.linalg.solve(curvature, gradient).astype(np.float64)

    growth = maximise(prior, step_from, longest=0.5, tolerance=1e-9, max_steps=_NEWTON_STEPS)
    return np.maximum(growth, 0.0)


def _middle_days(steps: np.ndarray) -> Floats:
    """The age in the middle of a step, on the logarithmic scale, days."""
    days: Floats = np.exp2((steps + 0.5) / STEPS_PER_DOUBLING)
    return days


def _later_segments(days: Floats) -> Floats:
    """How much of each segment between two knots comes after an age, shape (ages, segments)."""
    knots = np.log(KNOTS_DAYS)
    rest = (knots[1:] - np.log(days)[:, None]) / np.diff(knots)
    share: Floats = np.clip(rest, 0.0, 1.0)
    return share
