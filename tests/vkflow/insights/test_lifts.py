import numpy as np
import polars as pl
import pytest

from vkflow.insights.lifts import lifts, memberships, reactions


def world(seed: int, effect: float, n_owners: int = 20, posts: int = 2_000):
    """Owners with rates of their own; posts with the word get ``effect`` times as much."""
    generator = np.random.default_rng(seed)
    owners = generator.integers(0, n_owners, posts)
    has_word = generator.random(posts) < 0.1 + 0.2 * (owners % 2)
    rates = (0.01 + 0.03 * (owners % 2)) * np.where(has_word, effect, 1.0)
    rates = np.clip(rates * generator.gamma(8, 1 / 8, posts), 0, 0.9)
    views = generator.lognormal(8, 1, posts).astype(np.int64) + 100
    return owners, has_word, generator.binomial(views, rates), views


def lift_of(owners, has_word, counts, views) -> dict:
    membership, _ = memberships([["word"] if has else [] for has in has_word])
    observed = reactions(pl.Series(owners), counts.astype(np.float64), views.astype(np.float64))
    return lifts(observed, membership, min_posts=10, min_owners=3).row(0, named=True)


def test_words_of_popular_owners_are_no_better_for_that() -> None:
    row = lift_of(*world(seed=0, effect=1.0))
    assert row["low"] < 1 < row["high"]
    assert row["lift"] == pytest.approx(1, abs=0.08)


def test_interval_covers_the_planted_lift_in_nine_of_ten_worlds() -> None:
    covered = []
    for seed in range(20):
        owners, has_word, counts, views = world(seed, effect=1.5)
        row = lift_of(owners, has_word, counts, views)
        # An owner's usual rate holds its posts with the word too, which draws the lift to 1.
        share = np.array([has_word[owners == o].mean() for o in range(20)])
        usual = 1 + 0.5 * share
        base = 0.01 + 0.03 * (owners[has_word] % 2)
        truth = float((1.5 * base).sum() / (base * usual[owners[has_word]]).sum())
        covered.append(row["low"] < truth < row["high"])
    assert np.mean(covered) >= 0.9


def test_rare_levels_and_levels_of_few_owners_are_left_out() -> None:
    owners, _, counts, views = world(seed=1, effect=1.0)
    rare = [["rare"] if place < 9 else [] for place in range(len(owners))]
    single = [["single"] if owner == 3 else [] for owner in owners]
    membership, names = memberships([a + b for a, b in zip(rare, single, strict=True)])
    observed = reactions(pl.Series(owners), counts.astype(np.float64), views.astype(np.float64))
    assert lifts(observed, membership, min_posts=10, min_owners=3).is_empty()
    assert set(names) == {"rare", "single"}


def test_one_owner_is_judged_post_by_post() -> None:
    owners, has_word, counts, views = world(seed=2, effect=2.0, n_owners=1)
    row = lift_of(owners, has_word, counts, views)
    assert row["owners"] == 1
    assert 1 < row["low"] < row["lift"] < row["high"]


def test_unknown_counts_are_no_posts() -> None:
    owners, has_word, counts, views = world(seed=3, effect=1.0)
    unknown = counts.astype(np.float64)
    unknown[:1_000] = np.nan
    row = lift_of(owners, has_word, unknown, views)
    assert row["posts"] == has_word[1_000:].sum()
    assert np.isfinite(row["lift"])


def test_no_posts_give_no_lifts() -> None:
    nothing = np.array([], dtype=np.float64)
    membership, _ = memberships([])
    observed = reactions(pl.Series([], dtype=pl.Int64), nothing, nothing)
    assert lifts(observed, membership, min_posts=1, min_owners=1).is_empty()
