"""Advice on sample worlds, against what was planted in them.

Of 7,600 effects in 20 worlds of 3,000 posts and 60 owners, which nothing was tuned on, the
interval held the truth in 94.4 %, of 2,322 of the stated size in 93 %; 72 % of these were found,
none with the wrong sign. Of the 2,620 verdicts the adjusted interval held the truth in 95.8 %.
Of 20 worlds without effects one gave a piece of advice, of 20 where habits grow while rates fall
none. With the true rates in the place of the response 74 % of four worlds' large effects were found
instead of 69 %: what is missing is posts. Two estimates on halves of the weeks that must
both be evident would find 27 % of four worlds' instead of 68 %, so there is one, with a placebo
beside it.
All cases are counted, also those that no method could get right from what it sees here:

- Of a text of up to four words the topic can hardly be told, and topics differ in how often they
  get so few: ``few_words`` keeps a part of the topics' effects.
- Food is liked better under recipes than elsewhere, a mix that words tell only in part.
"""

from functools import cache

import numpy as np
import polars as pl
import pytest

from tests.fakes.advised_worlds import AdvisedWorld, advised_world, outcome_rows
from vkflow.insights.advice import LOWERS, MIN_POSTS, RAISES, SCHEMA, TOO_FEW, advise
from vkflow.insights.inference import FALSE_DISCOVERY_RATE, q_values

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
    adjusted = pl.col("truth").is_between(pl.col("adjusted_low"), pl.col("adjusted_high")).mean()
    right = (pl.col("effect").sign() == pl.col("truth").sign()).mean()
    told = evident(advice)
    large = advice.filter(pl.col("truth").abs() >= STATED_SIZE)
    return {
        "covered": advice.select(covered).item(),
        "covered_of_large": large.select(covered).item(),
        "covered_of_told": told.select(adjusted).item(),
        "right_of_told": told.select(right).item(),
        "right_of_large": evident(large).select(right).item(),
        "large": len(large) / len(advice),
        "found_of_large": len(evident(large)) / len(large),
    }


def below(figures: dict[str, float], **least: float) -> dict[str, float]:
    """The figures that are too small."""
    return {name: figures[name] for name, bound in least.items() if figures[name] < bound}


LEAST = {"large": 0.20, "right_of_large": 0.99, "found_of_large": 0.60}


@pytest.mark.night
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
    # What the README and the report say of the intervals of advice: about 95 %.
    assert not below(figures, covered_of_told=0.94, right_of_told=0.98), figures


@pytest.mark.night
def test_a_null_world_gives_no_advice() -> None:
    assert evident(advised_world(0, null=True).advice).is_empty()


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_at_most_one_null_world_in_ten_gives_any_advice() -> None:
    any_advice = [len(evident(advised_world(seed, null=True).advice)) > 0 for seed in range(20)]
    assert np.mean(any_advice) <= 0.10, any_advice


@pytest.mark.night
def test_habits_that_grow_while_rates_fall_are_not_blamed() -> None:
    """Nothing has an effect in this world, but emoji and the like go up when all rates go down."""
    drifted = advised_world(0, null=True, drifting=True)
    emoji = drifted.studied.levers["emoji"]
    used = emoji.codes == emoji.levels.index("yes")
    half = len(used) // 2
    assert used[half:].mean() > used[:half].mean() + 0.15
    rates = (drifted.labels["likes"] / drifted.labels["views"]).to_numpy()
    assert rates[half:].mean() < 0.8 * rates[:half].mean()
    assert evident(drifted.advice).is_empty()


@pytest.mark.slow
@pytest.mark.timeout(1_800)
def test_few_drifting_null_worlds_give_any_advice() -> None:
    any_advice = [
        len(evident(advised_world(seed, null=True, drifting=True).advice)) > 0 for seed in range(20)
    ]
    assert np.mean(any_advice) <= 0.15, any_advice


def test_intervals_shown_are_wider_and_on_one_side_of_no_change() -> None:
    advice = world(0).advice
    told = evident(advice)
    assert (told["adjusted_low"] < told["low"]).all()
    assert (told["adjusted_high"] > told["high"]).all()
    assert (told["adjusted_low"] * told["adjusted_high"] > 0).all()
    others = advice.filter(~pl.col("verdict").is_in([RAISES, LOWERS]))
    assert others["adjusted_low"].is_null().all() and others["adjusted_high"].is_null().all()


def test_levers_dealt_anew_have_hardly_any_effect() -> None:
    advice = world(0).advice.filter(pl.col("owner_id").is_null(), pl.col("p_value").is_not_null())
    assert advice["placebo_p_value"].null_count() <= 0.1 * len(advice)
    placebo = advice["placebo_p_value"].drop_nulls()
    assert (q_values(placebo.to_numpy()) <= FALSE_DISCOVERY_RATE).sum() <= 2
    assert (placebo < 0.05).mean() < 0.10
    assert (advice["p_value"] < 0.05).mean() > 0.3


def test_each_owner_is_a_family_of_its_own() -> None:
    """So that a wall's advice does not depend on how many other walls there are."""
    by_owner = world(0).advice.filter(pl.col("owner_id").is_not_null())
    assert by_owner["owner_id"].n_unique() > 1
    for family in by_owner.partition_by("owner_id"):
        alone = q_values(family["p_value"].to_numpy())
        np.testing.assert_allclose(family["q_value"].to_numpy(), alone)


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
    optional = ("owner_id", "adjusted_low", "adjusted_high", "placebo_effect", "placebo_p_value")
    assert tested.select(pl.all().exclude(optional).null_count()).sum_horizontal().item() == 0
    assert (tested["low"] <= tested["effect"]).all() and (tested["effect"] <= tested["high"]).all()
    assert (tested["n_posts"] >= MIN_POSTS).all()


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
    again = advise(given.studied, outcome_rows(given.labels), seed=0)
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
    advice = advise(given.studied, outcomes, seed=0)
    assert "hide" not in set(advice["activity"]) and "like" in set(advice["activity"])
