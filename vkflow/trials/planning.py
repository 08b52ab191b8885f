"""How many posts a trial needs: power from the owner's own spread."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from vkflow.errors import TrialError
from vkflow.modelling.metrics import Floats
from vkflow.modelling.weights import relative_variance
from vkflow.trials.outcomes import Outcomes, outcomes_of
from vkflow.trials.schedule import BLOCK, POST

LEVEL: Final = 0.95
NORMAL: Final = 1.959964
"""Deviations that hold 95 % of a normal distribution."""
POWER_RESAMPLES: Final = 1_000
MIN_HISTORY: Final = 20
"""Posts below which nothing is known of an owner's spread."""
MIN_UNITS: Final = 12
"""Three blocks can be drawn in 216 ways; of fewer no outcome would be evident."""
MAX_UNITS: Final = 1_000
MIN_POWER, MAX_POWER = 0.5, 0.99
"""A trial that more likely misses what it looks for than finds it is no way to proof."""
MAX_EFFECT: Final = 10.0


@dataclass(frozen=True)
class Habits:
    """What an owner's past posts say of one activity.

    Attributes:
        base_rate: mean of the posts' rates.
        variance: relative, of their rates beyond chance.
        blocks: what units in a row got beside the mean, weighted, shape (blocks, 4).
        share: of units that come to have a post: 1 for posts, less for days.
        a_week: units in a week.
    """

    base_rate: float
    variance: float
    blocks: Floats
    share: float
    a_week: float

    @property
    def spread(self) -> float:
        """Standard deviation of a unit within a block, in units of the mean."""
        return float(np.sqrt(self.blocks.var(axis=1, ddof=1).mean()))


@dataclass(frozen=True)
class Plan:
    """A trial that can be started.

    Attributes:
        n_units: posts or days, half of them with the lever.
        effect: change it is to find, as a fraction: 0.5 is half more, or a third less.
        power: probability of finding it, if it is there.
        needed: units for the power that was asked for; ``None``: more than ``MAX_UNITS``.
        habits: what it rests on.
    """

    n_units: int
    effect: float
    power: float
    needed: int | None
    habits: Habits


def habits_of(history: pl.DataFrame, unit: str, time_zone: str) -> Habits:
    """What an owner's past posts say of an activity.

    Args:
        history: published_at, count, exposures of its last posts, oldest first.
        unit: ``post`` or ``day``.
        time_zone: of the owner.

    Raises:
        TrialError: there are too few posts, or none of them got any.
    """
    if len(history) < MIN_HISTORY:
        raise TrialError("short_history", n=len(history), least=MIN_HISTORY)
    counts, exposures = (
        history[name].cast(pl.Float64).to_numpy() for name in ("count", "exposures")
    )
    if not counts.sum():
        raise TrialError("no_counts")
    base_rate = float((counts / exposures).mean())
    variance = relative_variance(counts, exposures, np.full(len(counts), base_rate))
    days = history["published_at"].dt.convert_time_zone(time_zone).dt.date()
    spanned = float((days[-1] - days[0]).days + 1)
    numbers = pl.int_range(len(days), eager=True) if unit == POST else days.rank("dense")
    outcomes = outcomes_of(history.with_columns(numbers.alias("number")), base_rate, variance)
    share = 1.0 if unit == POST else len(outcomes.rates) / spanned
    a_week = 7.0 if unit != POST else 7 * len(history) / spanned
    return Habits(base_rate, variance, _relative_blocks(outcomes), share, a_week)


def _relative_blocks(outcomes: Outcomes) -> Floats:
    """Within blocks of units in a row: what drifts between them cannot tell the arms apart."""
    rates, weights = outcomes.rates, outcomes.weights
    mean = float((weights * rates).sum() / weights.sum())
    relative: Floats = 1 + weights * (rates - mean) / (weights.mean() * mean)
    whole = len(relative) // BLOCK * BLOCK
    if not whole:
        raise TrialError("few_days", least=BLOCK)
    return relative[-whole:].reshape(-1, BLOCK)


def power_of(n_units: int, effect: float, habits: Habits) -> float:
    """Probability that the test finds a change of this size, by trials made of the owner's posts.

    Blocks of past posts are drawn with replacement, two posts of each get the change, and the
    difference of the arms is held against 1.96 standard deviations of those that other schedules
    would have had. Few posts get much, most get little: a formula with one standard deviation
    promises too little.

    Args:
        n_units: posts or days.
        effect: as a fraction: 0.5.
        habits: of the owner.
    """
    n_blocks = max(int(n_units * habits.share) // BLOCK, 1)
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(habits.blocks), size=(POWER_RESAMPLES, n_blocks))
    got = generator.permuted(habits.blocks[drawn], axis=2)
    got[:, :, : BLOCK // 2] *= 1 + effect
    arms = got.reshape(POWER_RESAMPLES, n_blocks, 2, BLOCK // 2).mean(axis=(1, 3))
    by_chance = np.sqrt(got.var(axis=2, ddof=1).mean(axis=1) / n_blocks)
    return float((np.abs(arms[:, 0] - arms[:, 1]) > NORMAL * by_chance).mean())


def make_plan(habits: Habits, *, effect: float, power: float, n_units: int | None = None) -> Plan:
    """How many units a trial takes, or what those that are given can find.

    Args:
        habits: of the owner.
        effect: the change to find, as a fraction: 0.5.
        power: with which probability.
        n_units: posts or days; rounded up to whole blocks; ``None``: as many as needed.

    Raises:
        TrialError: a number is out of range, or so few units find nothing.
    """
    if not 0 < effect <= MAX_EFFECT:
        raise TrialError("effect_range", effect=effect, most=MAX_EFFECT)
    if not MIN_POWER <= power <= MAX_POWER:
        raise TrialError("power_range", power=power, least=MIN_POWER, most=MAX_POWER)
    if n_units is not None and not MIN_UNITS <= n_units <= MAX_UNITS:
        raise TrialError("units_range", n=n_units, least=MIN_UNITS, most=MAX_UNITS)
    needed = _needed(habits, effect, power)
    if n_units is None and needed is None:
        raise TrialError("never_enough", effect=effect, most=MAX_UNITS)
    chosen = needed if n_units is None else -(-n_units // BLOCK) * BLOCK
    assert chosen is not None  # noqa: S101 - one of them is a number
    reached = power_of(chosen, effect, habits)
    if reached < MIN_POWER:
        raise TrialError(
            "too_few" if needed else "far_too_few",
            n=chosen,
            effect=effect,
            reached=reached,
            needed=needed or MAX_UNITS,
            power=power,
        )
    return Plan(chosen, effect, reached, needed, habits)


def _needed(habits: Habits, effect: float, power: float) -> int | None:
    """The fewest units with that power: doubled until they have it, then by bisection."""
    few, many, most = MIN_UNITS // BLOCK, MIN_UNITS // BLOCK, MAX_UNITS // BLOCK
    while power_of(many * BLOCK, effect, habits) < power:
        if many == most:
            return None
        few, many = many + 1, min(2 * many, most)
    while few < many:
        middle = (few + many) // 2
        if power_of(middle * BLOCK, effect, habits) >= power:
            many = middle
        else:
            few = middle + 1
    return many * BLOCK
