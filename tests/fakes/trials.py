"""Simulated trials on sample worlds: what their posts get is drawn anew, with a planted effect."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import numpy as np
import polars as pl
from scipy.optimize import brentq

from vkflow.activities import ACTIVITY_NAMES
from vkflow.errors import TrialError
from vkflow.modelling.metrics import Floats, logits, sigmoid
from vkflow.sample.world import World, draw_world
from vkflow.trials.evaluation import Result, evaluate
from vkflow.trials.outcomes import outcomes_of
from vkflow.trials.planning import Plan, habits_of, make_plan
from vkflow.trials.schedule import POST, WITH, draw_schedule

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
HISTORY = 200
"""Posts of an owner from which its trial is planned."""
LONGEST = 300
JUDGED = (("like", 0.5), ("comment", 1.0), ("open_photo", 0.5))
"""Activities in turns, and the changes looked for."""


@dataclass(frozen=True)
class Simulated:
    """One trial: its plan, what it found, and what was true."""

    plan: Plan
    result: Result
    truth: float


@cache
def world(seed: int) -> World:
    """Three walls with hundreds of posts each."""
    return draw_world(4_000, until=UNTIL, seed=seed, days=400, n_owners=3)


def wall(seed: int, owner: int, activity: str) -> tuple[pl.DataFrame, float]:
    """Posts of one wall in order: published_at, exposures, logit; and the noise between posts."""
    drawn = world(seed)
    keys = ["owner_id", "post_id"]
    views = drawn.snapshots.group_by(keys).agg(pl.col("views").max().alias("exposures"))
    posts = drawn.posts.filter(~pl.col("is_ad")).join(views, on=keys)
    posts = posts.join(drawn.oracle.filter(activity=activity), on=keys).sort("published_at")
    owners = posts["owner_id"].unique().sort()
    noise = drawn.effects.filter(activity=activity, kind="noise")["effect"][0]
    chosen = posts.filter(pl.col("owner_id") == owners[owner])
    logit = pl.Series(logits(chosen["oracle"].to_numpy()))
    return chosen.select("published_at", "exposures", logit=logit), float(noise)


def simulate(
    seed: int, *, owner: int, activity: str, effect: float, planned: float, power: float
) -> Simulated:
    """Plan on some posts of a wall in a row, run on those that follow; all are drawn anew.

    Args:
        seed: of the draw; the world is one of four.
        owner: which wall of the world.
        activity: it is judged by.
        effect: planted on the logit of the posts with the lever, so that their rates change by
            this fraction in the mean; 0: none.
        planned: change the trial is planned to find.
        power: with which probability.
    """
    whole, noise = wall(seed % 4, owner, activity)
    generator = np.random.default_rng([seed, owner, ACTIVITY_NAMES.index(activity)])
    posts = whole[int(generator.integers(len(whole) - HISTORY - LONGEST)) :]
    bare = posts["logit"].to_numpy() + noise * generator.standard_normal(len(posts))
    exposures = posts["exposures"].to_numpy()
    past = posts[:HISTORY].with_columns(
        count=generator.binomial(exposures[:HISTORY], sigmoid(bare[:HISTORY]))
    )
    habits = habits_of(past, POST, "Europe/Moscow")
    plan = make_plan(habits, effect=planned, power=power)
    if plan.n_units > LONGEST:
        plan = make_plan(habits, effect=planned, power=power, n_units=LONGEST)
    trial = slice(HISTORY, HISTORY + plan.n_units)
    schedule = draw_schedule(plan.n_units, seed)
    is_with = (schedule["arm"] == WITH).to_numpy()
    shift = shift_of(bare[trial], effect)
    counts = generator.binomial(exposures[trial], sigmoid(bare[trial] + shift * is_with))
    got = schedule.with_columns(count=pl.Series(counts), exposures=pl.Series(exposures[trial]))
    outcomes = outcomes_of(got, plan.habits.base_rate, plan.habits.variance)
    return Simulated(plan, evaluate(outcomes, is_with, seed=seed), effect)


def shift_of(bare: Floats, effect: float) -> float:
    """What to add to logits for rates that are higher by a fraction in the mean."""
    if not effect:
        return 0.0
    mean = sigmoid(bare).mean()
    return float(brentq(lambda x: sigmoid(bare + x).mean() / mean - 1 - effect, -5, 5))


def simulated(n_trials: int, *, is_null: bool, power: float = 0.8) -> list[Simulated]:
    """Trials in turns on three walls of four worlds, each of them by three activities.

    A trial that is refused, since so few posts as the wall has find nothing, is none.
    """
    found = []
    for seed in range(n_trials):
        activity, planned = JUDGED[seed // 12 % 3]
        owner, effect = seed // 4 % 3, 0.0 if is_null else planned
        with suppress(TrialError):
            found.append(
                simulate(
                    seed,
                    owner=owner,
                    activity=activity,
                    effect=effect,
                    planned=planned,
                    power=power,
                )
            )
    return found


def share_evident(found: list[Simulated]) -> float:
    """Of trials whose test refuses that there is no effect."""
    return float(np.mean([(each.result.p_value or 1.0) <= 0.05 for each in found]))


def coverage(found: list[Simulated]) -> float:
    """Of intervals that hold what is true; one without an end goes on for ever."""
    held = []
    for each in found:
        low, high = each.result.low, each.result.high
        held.append((low is None or low <= each.truth) and (high is None or each.truth <= high))
    return float(np.mean(held))
