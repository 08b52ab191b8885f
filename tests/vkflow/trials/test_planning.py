"""How many posts a trial takes, and what no trial can be."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from vkflow.errors import TrialError
from vkflow.trials.planning import MAX_UNITS, Habits, habits_of, make_plan, power_of
from vkflow.trials.schedule import DAY, POST

START = datetime(2026, 6, 1, 9, tzinfo=UTC)
ZONE = "Europe/Moscow"


def history(n_posts: int = 120, *, noise: float = 0.6, rate: float = 0.02, hours: int = 12):
    generator = np.random.default_rng(1)
    rates = rate * np.exp(noise * generator.standard_normal(n_posts))
    return pl.DataFrame(
        {
            "published_at": [START + timedelta(hours=hours * place) for place in range(n_posts)],
            "count": generator.binomial(20_000, np.minimum(rates, 0.5)).astype(float),
            "exposures": 20_000.0,
        }
    )


def habits(**changes) -> Habits:
    return habits_of(history(**changes), POST, ZONE)


def test_spread_and_pace_are_those_of_the_owners_posts() -> None:
    """The relative standard deviation of log-normal rates: Johnson et al. (1994), chapter 14."""
    found = habits(n_posts=400)
    assert found.spread == pytest.approx(np.sqrt(np.expm1(0.36)), rel=0.15)
    assert found.a_week == pytest.approx(14, rel=0.05) and found.share == 1.0


def test_drift_is_no_spread() -> None:
    posts = history(noise=0.1)
    drifting = posts.with_columns(pl.col("count") * (1 + pl.int_range(pl.len()) / 20))
    assert habits_of(drifting, POST, ZONE).spread < 0.2


def test_more_posts_larger_effects_and_calmer_walls_have_more_power() -> None:
    wild, calm = habits(), habits(noise=0.3)
    assert power_of(40, 0.5, wild) < power_of(120, 0.5, wild) < power_of(120, 1.0, wild)
    assert power_of(40, 0.5, wild) < power_of(40, 0.5, calm)


def test_a_plan_has_the_power_that_was_asked_for_and_four_posts_fewer_have_less() -> None:
    plan = make_plan(habits(), effect=0.5, power=0.8)
    assert plan.n_units % 4 == 0 and plan.needed == plan.n_units
    assert power_of(plan.n_units - 4, 0.5, plan.habits) < 0.8 <= plan.power


def test_days_without_a_post_take_more_days() -> None:
    daily = habits_of(history(hours=24), DAY, ZONE)
    rare = habits_of(history(hours=72), DAY, ZONE)
    assert daily.share == pytest.approx(1) and rare.share == pytest.approx(1 / 3, abs=0.02)
    days = [make_plan(each, effect=0.5, power=0.8).n_units for each in (daily, rare)]
    assert days[1] == pytest.approx(3 * days[0], rel=0.1)


def test_posts_of_a_day_are_one_unit() -> None:
    found = habits_of(history(hours=4), DAY, ZONE)
    assert found.spread < 0.7 * habits(hours=4).spread and found.a_week == 7


@pytest.mark.parametrize(
    ("changes", "asked", "said"),
    [
        ({"n_posts": 19}, {}, "only 19 posts"),
        ({"rate": 0.0}, {}, "choose another one"),
        ({"noise": 1.5}, {"effect": 0.05}, "more than 1000"),
        ({}, {"n_units": 20, "effect": 0.2}, "too few"),
        ({}, {"n_units": 8}, "out of range"),
        ({}, {"n_units": MAX_UNITS + 1}, "out of range"),
        ({}, {"effect": 0.0}, "out of range"),
        ({}, {"effect": float("nan")}, "out of range"),
        ({}, {"effect": 11.0}, "out of range"),
        ({}, {"power": 0.3}, "out of range"),
        ({}, {"power": 0.999}, "out of range; use 0.5 to 0.99"),
    ],
    ids=str,
)
def test_what_cannot_be_planned_is_one_sentence(changes: dict, asked: dict, said: str) -> None:
    with pytest.raises(TrialError, match=said) as error:
        make_plan(habits(**changes), **{"effect": 0.5, "power": 0.8, **asked})
    assert "\n" not in str(error.value)


def test_posts_that_are_given_are_rounded_up_to_whole_blocks() -> None:
    assert make_plan(habits(), effect=1.0, power=0.8, n_units=78).n_units == 80
