"""What a trial finds: exact where it can be counted, and right on simulated trials."""

from itertools import combinations, product

import numpy as np
import polars as pl
import pytest

from tests.fakes.trials import coverage, share_evident, simulated
from vkflow.trials.evaluation import evaluate
from vkflow.trials.outcomes import Outcomes, outcomes_of
from vkflow.trials.schedule import draw_schedule


def arms(n_units: int, seed: int = 1) -> np.ndarray:
    return (draw_schedule(n_units, seed)["arm"] == "with").to_numpy()


def noisy(n_units: int, effect: float, seed: int = 1, spread: float = 0.3) -> Outcomes:
    generator = np.random.default_rng(seed)
    rates = 0.02 * np.exp(spread * generator.standard_normal(n_units))
    return Outcomes(
        np.arange(1, n_units + 1), rates * (1 + effect * arms(n_units)), np.ones(n_units)
    )


def exact_p(rates: np.ndarray, is_with: np.ndarray) -> float:
    """Over all schedules that could have been drawn."""
    ways = list(combinations(range(4), 2))
    differences = []
    for chosen in product(ways, repeat=len(rates) // 4):
        drawn = np.zeros(len(rates), bool)
        for block, pair in enumerate(chosen):
            drawn[[4 * block + place for place in pair]] = True
        differences.append(rates[drawn].mean() - rates[~drawn].mean())
    real = rates[is_with].mean() - rates[~is_with].mean()
    return float((np.abs(differences) >= abs(real) * (1 - 1e-12)).mean())


@pytest.mark.parametrize("seed", range(4))
def test_p_is_that_of_all_schedules_of_the_blocks(seed: int) -> None:
    outcomes = noisy(16, 0.0, seed)  # so that p is large, and half of it another one
    found = evaluate(outcomes, arms(16), seed=seed).p_value
    assert found == pytest.approx(exact_p(outcomes.rates, arms(16)), abs=0.025)


def test_drift_between_blocks_hides_no_effect() -> None:
    calm = noisy(48, 0.2, spread=0.05)
    drift = np.repeat(np.exp(np.linspace(0, 3, 12)), 4)
    drifting = Outcomes(calm.numbers, calm.rates * drift, calm.weights)
    assert evaluate(drifting, arms(48), seed=1).p_value < 0.01  # type: ignore[operator]


def test_the_effect_is_the_ratio_of_the_arms_and_lies_in_its_interval() -> None:
    outcomes = noisy(80, 0.5)
    found = evaluate(outcomes, arms(80), seed=1)
    ratio = outcomes.rates[arms(80)].mean() / outcomes.rates[~arms(80)].mean()
    assert found.effect == pytest.approx(ratio - 1)
    assert found.low < found.effect < found.high  # type: ignore[operator]
    assert found.low > 0 and found.p_value < 0.05  # type: ignore[operator]


def test_interval_and_test_agree() -> None:
    for seed in range(30):
        found = evaluate(noisy(24, 0.25, seed), arms(24), seed=seed)
        leaves_out = found.low > 0 or found.high < 0  # type: ignore[operator]
        assert leaves_out == (found.p_value <= 0.05)  # type: ignore[operator]


def test_posts_count_by_the_arm_that_was_drawn_whatever_was_followed() -> None:
    """Half of the posts with the lever do not follow: the effect is half as large."""
    is_with = arms(400)
    followed = is_with & (np.arange(400) % 2 == 0)
    rates = 0.02 * (1 + 0.6 * followed)
    outcomes = Outcomes(np.arange(1, 401), rates, np.ones(400))
    assert evaluate(outcomes, is_with, seed=1).effect == pytest.approx(0.3, abs=0.03)


def test_units_without_an_outcome_are_left_out_and_counted() -> None:
    whole = noisy(40, 0.5)
    some = Outcomes(whole.numbers[3:], whole.rates[3:], whole.weights[3:])
    assert evaluate(some, arms(40), seed=1).n_judged == 37


def test_nothing_to_compare_gives_no_effect() -> None:
    whole = noisy(12, 0.5)
    few = Outcomes(whole.numbers[:7], whole.rates[:7], whole.weights[:7])
    assert evaluate(few, arms(12), seed=1).p_value is None
    nothing = Outcomes(whole.numbers, np.zeros(12), whole.weights)
    assert evaluate(nothing, arms(12), seed=1).effect is None
    none_with = Outcomes(whole.numbers, whole.rates * ~arms(12), whole.weights)
    assert evaluate(none_with, arms(12), seed=1).effect == -1


def test_a_post_is_one_unit_however_many_views_it_had() -> None:
    posts = pl.DataFrame(
        {"number": [1, 2], "count": [100.0, 20_000.0], "exposures": [10_000.0, 1e6]}
    )
    found = outcomes_of(posts, 0.01, 0.5)
    assert found.weights[1] < 1.1 * found.weights[0]
    assert found.rates.tolist() == pytest.approx([0.01, 0.02])


def test_posts_of_a_day_are_one_rate_and_unknown_counts_none() -> None:
    posts = pl.DataFrame(
        {
            "number": [1, 1, 2, 3],
            "count": [10.0, 30.0, 5.0, None],
            "exposures": [1_000.0, 1_000.0, 1_000.0, None],
        }
    )
    found = outcomes_of(posts, 0.01, 0.5)
    assert found.numbers.tolist() == [1, 2] and found.rates[0] == pytest.approx(0.02)


def test_the_same_trial_is_judged_the_same() -> None:
    assert evaluate(noisy(40, 0.3), arms(40), seed=9) == evaluate(noisy(40, 0.3), arms(40), seed=9)


@pytest.mark.slow
def test_on_sample_worlds_levels_power_and_coverage_are_those_stated() -> None:
    """200 trials each; bounds are three deviations of a binomial share."""
    null, planted = simulated(200, is_null=True), simulated(200, is_null=False)
    assert min(len(null), len(planted)) > 190  # the others were refused: too few posts to plan on
    assert share_evident(null) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200)
    stated = float(np.mean([each.plan.power for each in planted]))
    assert abs(share_evident(planted) - stated) < 3 * np.sqrt(0.8 * 0.2 / 200)
    for found in (null, planted):
        assert coverage(found) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 200)
