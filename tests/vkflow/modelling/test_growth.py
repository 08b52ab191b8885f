import math

import numpy as np
import polars as pl
import pytest

from vkflow.modelling.growth import (
    PRIOR,
    STATED_AGE_DAYS,
    STEPS_PER_DOUBLING,
    TYPICAL_COUNT,
    fit_growth,
)
from warehouse.growth import PAIRS_SCHEMA

NOTHING = pl.DataFrame(schema=PAIRS_SCHEMA)


def step_of(days: float) -> int:
    return math.floor(STEPS_PER_DOUBLING * math.log2(days))


def pair(name: str, first: float, second: float, ratio: float, posts: int) -> dict[str, object]:
    """So many posts with a thousand of something, read at two ages in days."""
    weighed = posts * 1_000 / (TYPICAL_COUNT + 1_000)
    return {
        "name": name,
        "step_before": step_of(first),
        "step_after": step_of(second),
        "before": weighed,
        "after": weighed * ratio,
    }


def factor(factors: pl.DataFrame, name: str, days: float) -> float:
    held = factors.filter(pl.col("age_hours") <= 24 * days)
    return float(held[f"{name}_growth"][-1])


def test_before_anything_was_seen_the_prior_holds() -> None:
    factors = fit_growth(NOTHING)
    between = sum(PRIOR["views"][2:4]) + 0.65 * PRIOR["views"][1]
    assert factor(factors, "views", 4.2) == pytest.approx(math.exp(between), abs=0.03)
    assert factor(factors, "likes", 4.2) < factor(factors, "views", 4.2)
    assert all(factors["reposts_growth"] == factors["likes_growth"])


def test_counts_of_the_stated_age_stay_as_they_are_and_older_ones_shrink() -> None:
    factors = fit_growth(NOTHING)
    assert factor(factors, "views", STATED_AGE_DAYS) == pytest.approx(1, abs=0.005)
    assert factor(factors, "views", 200) < 1
    assert factor(factors, "views", 5_000) == factor(factors, "views", 366)


def test_factors_fall_with_the_age_and_hold_from_age_zero_on() -> None:
    factors = fit_growth(NOTHING)
    assert factors["age_hours"][0] == 0
    for column in factors.columns[1:]:
        assert factors[column].is_sorted(descending=True)


def test_many_posts_outweigh_the_prior() -> None:
    pairs = pl.DataFrame([pair("views", 3, 30, 2.0, posts=5_000)], schema=PAIRS_SCHEMA)
    assert factor(fit_growth(pairs), "views", 3) == pytest.approx(2.0, rel=0.03)
    assert factor(fit_growth(pairs), "likes", 3) == factor(fit_growth(NOTHING), "likes", 3)


def test_few_posts_do_not() -> None:
    pairs = pl.DataFrame([pair("views", 3, 30, 3.0, posts=1)], schema=PAIRS_SCHEMA)
    believed = factor(fit_growth(NOTHING), "views", 3)
    assert believed < factor(fit_growth(pairs), "views", 3) < 1.3 * believed


def test_planted_growth_is_found_from_visits_at_many_ages() -> None:
    """Counts grow by the fourth root of the age until 30 days, half as fast to 90."""
    generator = np.random.default_rng(3)

    def counted(days: float) -> float:
        return min(days, 30) ** 0.25 * (max(days, 30) / 30) ** 0.125

    visits = [(generator.uniform(1, 20), generator.uniform(21, 80)) for _ in range(4_000)]
    rows = [
        pair("likes", *visit, counted(visit[1]) / counted(visit[0]), posts=1) for visit in visits
    ]
    factors = fit_growth(pl.DataFrame(rows, schema=PAIRS_SCHEMA))
    for days in (1.5, 3.2, 7.5, 15, 60):
        expected = counted(STATED_AGE_DAYS) / counted(days)
        assert factor(factors, "likes", days) == pytest.approx(expected, rel=0.04)


def test_counts_that_shrank_do_not_turn_growth_round() -> None:
    pairs = pl.DataFrame([pair("likes", 3, 30, 0.5, posts=5_000)], schema=PAIRS_SCHEMA)
    assert factor(fit_growth(pairs), "likes", 3) >= 1
