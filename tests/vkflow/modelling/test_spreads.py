"""Intervals for what a post is going to get: they hold as many posts as they say."""

import numpy as np
import polars as pl
import pytest

from vkflow.modelling.metrics import Floats, sigmoid
from vkflow.modelling.spreads import LEVEL, Spread, expected_views, fit_spread

Drawn = tuple[Floats, Floats, Floats, pl.DataFrame, pl.Series]


def draw(
    seed: int, n_posts: int, level: float = -3.0, skew: float = 0.6, wild: float = 1.0
) -> Drawn:
    """Counts, views, forecasts, histories, owners; rates spread lopsidedly around the forecasts.

    Of ten owners, the even ones' posts spread ``wild`` times as far as the odd ones'.
    """
    generator = np.random.default_rng(seed)
    usual = generator.lognormal(7, 1, n_posts)
    views = np.maximum(usual * generator.lognormal(0, 0.5, n_posts), 1).astype(int)
    logits = generator.normal(level, 1, n_posts)
    missed = skew * (generator.gamma(2, 1, n_posts) - 2) / np.sqrt(2)
    owners = np.random.default_rng([seed, 1]).integers(10, size=n_posts)
    missed *= np.where(owners % 2 == 0, wild, 1.0)
    counts = generator.binomial(views, sigmoid(logits + missed))
    history = pl.DataFrame(
        {
            "history_posts_count": np.full(n_posts, 30.0),
            "history_views_count": 30 * usual,
        }
    )
    known = (counts.astype(float), views.astype(float), sigmoid(logits), history)
    return *known, pl.Series("owner_id", owners)


def held(spread: Spread, drawn: Drawn) -> np.ndarray:
    counts, views, probabilities, history, owners = drawn
    expected = expected_views(history, spread.typical_views)
    low, high = spread.interval(probabilities, expected, owners)
    rates = counts / views
    return (low <= rates) & (rates <= high)


def coverage(spread: Spread, drawn: Drawn) -> float:
    return float(held(spread, drawn).mean())


@pytest.mark.parametrize("level", [-2.0, -4.0, -7.0], ids=["frequent", "usual", "rare"])
def test_nine_in_ten_posts_it_has_not_seen_lie_within(level: float) -> None:
    spreads = [fit_spread(*draw(seed, 600, level)) for seed in range(10)]
    found = [coverage(spread, draw(99, 20_000, level)) for spread in spreads]
    assert 0.885 < np.mean(found) < 0.92
    assert min(found) > 0.85 and max(found) < 0.95


def test_an_interval_is_narrower_where_more_views_are_to_be_expected() -> None:
    spread = fit_spread(*draw(0, 600))
    new = pl.Series([98, 99])
    low, high = spread.interval(np.full(2, 0.01), np.array([100.0, 100_000.0]), new)
    assert high[0] - low[0] > 1.3 * (high[1] - low[1]) and (low >= 0).all()
    assert high[0] - 0.01 > 0.01 - low[0]  # as the posts are, which rather do far better


def test_a_few_posts_widen_it_as_much_as_chance_may_have_narrowed_it() -> None:
    found = np.mean([coverage(fit_spread(*draw(seed, 60)), draw(99, 4_000)) for seed in range(40)])
    assert LEVEL - 0.02 < found < LEVEL + 0.03


def test_owners_whose_posts_differ_more_have_wider_intervals_and_all_hold_nine_in_ten() -> None:
    later = draw(99, 20_000, wild=3.0)
    is_wild = (later[-1] % 2 == 0).to_numpy()
    found = [held(fit_spread(*draw(seed, 800, wild=3.0)), later) for seed in range(10)]
    assert np.mean([each[is_wild].mean() for each in found]) == pytest.approx(LEVEL, abs=0.02)
    assert np.mean([each[~is_wild].mean() for each in found]) == pytest.approx(LEVEL, abs=0.03)


def test_a_viral_post_or_a_few_posts_do_not_make_an_owner_wild() -> None:
    drawn = draw(0, 600)
    counts, views, probabilities, history, owners = drawn
    viral = int((owners == 3).arg_true()[0])
    counts[viral] = views[viral]
    rare = owners.scatter((owners == 4).arg_true()[:4], 44)
    spread = fit_spread(counts, views, probabilities, history, rare)
    assert spread.owners[3] < 1.4 and 44 not in spread.owners
    assert min(spread.owners.values()) > 0.6 and len(spread.owners) == 10


def test_views_of_an_owner_without_a_past_are_those_of_a_typical_post() -> None:
    history = pl.DataFrame(
        {"history_posts_count": [None, 3.0, 0.0], "history_views_count": [None, 900.0, 0.0]},
        schema_overrides=dict.fromkeys(("history_posts_count", "history_views_count"), pl.Float64),
    )
    assert expected_views(history, 100.0).tolist() == [100.0, 250.0, 100.0]
