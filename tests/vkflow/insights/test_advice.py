"""Advice on sample worlds, against what was planted in them.

Of 7,600 effects in 20 worlds of 3,000 posts and 60 owners the interval held the truth in 93.5 %, of
2,358 of the stated size in 92 %; 77 % of these were found, none with the wrong sign. Of all 3,082
verdicts 0.9 % had the wrong sign, all of true changes below 10 %; their intervals held the truth in
89 %, since what is clear by luck is the likelier to be told. Of 20 worlds without effects one gave
a piece of advice. All cases are counted, also those that no method could get right from what it
sees here:

- Of a text of up to four words the topic can hardly be told, and topics differ in how often they
  get so few: ``few_words`` keeps a part of the topics' effects.
- Food is liked better under recipes than elsewhere, a mix that words tell only in part.
"""

from functools import cache

import numpy as np
import polars as pl
import pytest

from tests.fakes.advised_worlds import AdvisedWorld, advised_world, outcome_rows
from vkflow.insights.advice import LEAST_POSTS, LOWERS, RAISES, SCHEMA, TOO_FEW, advise

STATED_SIZE = 0.20
"""A change of a fifth of the base rate, up or down, is what advice should be good for."""

world = cache(advised_world)


def evident(advice: pl.DataFrame) -> pl.DataFrame:
    return advice.filter(pl.col("verdict").is_in([RAISES, LOWERS]))


def judged(seeds: range) -> pl.DataFrame:
    return pl.concat([world(seed).with_truth() for seed in seeds])


def figures_of(advice: pl.DataFrame) -> dict[str, float]:
    """Coverage and signs of all effects, of those of the stated size, and of verdicts."""
    covered = pl.col("truth").is_between(pl.col("low"), pl.col("high")).mean()
    right = (pl.col("effect").sign() == pl.col("truth").sign()).mean()
    told = evident(advice)
    large = advice.filter(pl.col("truth").abs() >= STATED_SIZE)
    return {
        "covered": advice.select(covered).item(),
        "covered_of_large": large.select(covered).item(),
        "covered_of_told": told.select(covered).item(),
        "right_of_told": told.select(right).item(),
        "right_of_large": evident(large).select(right).item(),
        "large": len(large) / len(advice),
        "found_of_large": len(evident(large)) / len(large),
    }


def below(figures: dict[str, float], **least: float) -> dict[str, float]:
    """The figures that are too small."""
    return {name: figures[name] for name, bound in least.items() if figures[name] < bound}


LEAST = {"large": 0.20, "right_of_large": 0.99, "found_of_large": 0.60}


def test_planted_effects_are_found_and_covered() -> None:
    """Coverage may be lower by chance in so few worlds.

    Over 36 windows of three seeds it spread by 0.9 points, for large effects by 1.5, around 93.5
    and 92 %. The bounds are four of these below, so that a right method hardly ever fails.
    """
    figures = figures_of(judged(range(3)))
    assert not below(figures, covered=0.89, covered_of_large=0.86, **LEAST), figures


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_planted_effects_are_found_and_covered_over_twenty_worlds() -> None:
    figures = figures_of(judged(range(20)))
    assert not below(figures, covered=0.90, covered_of_large=0.90, **LEAST), figures
    # What the README and the report say of the intervals of advice, 89 %.
    assert not below(figures, covered_of_told=0.87, right_of_told=0.98), figures


def test_a_null_world_gives_no_advice() -> None:
    assert evident(advised_world(0, null=True).advice).is_empty()


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_at_most_one_null_world_in_ten_gives_any_advice() -> None:
    any_advice = [len(evident(advised_world(seed, null=True).advice)) > 0 for seed in range(20)]
    assert np.mean(any_advice) <= 0.10, any_advice


def test_a_question_raises_comments_and_costs_likes() -> None:
    """The trade-off that was planted."""
    rows = world(0).advice.filter(
        pl.col("owner_id").is_null(), lever=pl.lit("question"), level=pl.lit("yes")
    )
    verdicts = dict(rows.select("activity", "verdict").iter_rows())
    assert verdicts["comment"] == RAISES
    assert rows.filter(activity=pl.lit("like"))["effect"].item() < 0


def test_every_row_is_whole() -> None:
    advice = world(0).advice
    assert dict(advice.schema) == SCHEMA
    key = ["owner_id", "activity", "lever", "level"]
    assert not advice.select(key).is_duplicated().any()
    tested = advice.filter(pl.col("verdict") != TOO_FEW)
    assert tested.select(pl.all().exclude("owner_id").null_count()).sum_horizontal().item() == 0
    assert (tested["low"] <= tested["effect"]).all() and (tested["effect"] <= tested["high"]).all()
    assert (tested["n_posts"] >= LEAST_POSTS).all()


def test_what_an_activity_presupposes_is_not_judged() -> None:
    """Neither that long texts are expanded, nor that a picture is opened where there is one."""
    judged = set(world(0).advice.select("activity", "lever").iter_rows())
    assert not judged & {("expand", "text_length"), ("open_photo", "has_picture")}
    assert judged >= {("expand", "has_picture"), ("open_photo", "text_length")}
    assert judged >= {("like", "text_length"), ("like", "has_picture")}


def test_an_owner_is_judged_only_on_what_is_evident_over_all() -> None:
    advice = world(0).advice
    key = ["activity", "lever", "level"]
    by_owner = advice.filter(pl.col("owner_id").is_not_null())
    overall = evident(advice.filter(pl.col("owner_id").is_null()))
    assert len(by_owner) > 0
    assert by_owner.join(overall, on=key, how="anti").is_empty()
    assert (by_owner["n_owners"] == 1).all()


def test_the_same_posts_give_the_same_advice() -> None:
    given = world(0)
    again = advise(given.studied, outcome_rows(given.labels), resamples=500, seed=0)
    assert again.equals(given.advice)


def few(n_posts: int, n_owners: int) -> AdvisedWorld:
    return advised_world(1, n_posts=n_posts, n_owners=n_owners)


def test_one_owner_gets_advice_on_its_own_posts() -> None:
    advice = few(1_000, 1).advice
    overall = advice.filter(pl.col("owner_id").is_null())
    assert set(overall["n_owners"]) == {1}
    assert len(evident(overall)) > 0


def test_a_handful_of_posts_is_too_few_for_any_advice() -> None:
    advice = few(70, 5).advice
    assert len(advice) > 0
    assert TOO_FEW in set(advice["verdict"])
    assert advice.filter(verdict=pl.lit(TOO_FEW))["effect"].is_null().all()


def test_an_activity_that_nobody_counts_gets_no_advice() -> None:
    given = few(400, 10)
    outcomes = outcome_rows(given.labels.with_columns(hides=pl.lit(None, pl.Int64)))
    advice = advise(given.studied, outcomes, resamples=100, seed=0)
    assert "hide" not in set(advice["activity"]) and "like" in set(advice["activity"])
