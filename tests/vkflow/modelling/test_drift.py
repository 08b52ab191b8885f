import numpy as np
import polars as pl
import pytest

from vkflow.modelling.drift import (
    DEVIATIONS,
    category_stability_index,
    noise_bound,
    stability_index,
    table_drift,
    usual_bounds,
)

GENERATOR = np.random.default_rng(0)
NORMAL = GENERATOR.normal(size=20_000)


def test_equal_populations_have_no_drift() -> None:
    assert stability_index(NORMAL, NORMAL) == 0
    assert stability_index(NORMAL, GENERATOR.normal(size=20_000)) < 0.01


def test_index_by_hand() -> None:
    # given: the reference has half of its values below the only edge, the current a quarter
    reference, current = np.array([0.0] * 50 + [1.0] * 50), np.array([0.0] * 25 + [1.0] * 75)
    expected = (0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5)
    assert stability_index(reference, current) == pytest.approx(expected)


def test_larger_shifts_have_larger_indices() -> None:
    indices = [stability_index(NORMAL, NORMAL + shift) for shift in (0, 0.2, 0.5, 1)]
    assert indices == sorted(indices)
    assert indices[-1] > 0.25


def test_population_that_has_not_moved_stays_below_the_bound() -> None:
    generator = np.random.default_rng(1)
    indices = [
        stability_index(generator.normal(size=500), generator.normal(size=40)) for _ in range(1_000)
    ]
    bound = noise_bound(500, 40)
    assert np.quantile(indices, 0.5) < bound / 2
    assert np.mean(np.array(indices) > bound) < 0.02
    assert noise_bound(100_000, 10_000) < 0.005


def test_values_that_become_unknown_are_drift() -> None:
    lost = np.where(np.arange(len(NORMAL)) % 2, NORMAL, np.nan)
    assert stability_index(NORMAL, lost) > 0.25


def test_constant_and_empty_columns_are_no_error() -> None:
    assert stability_index(np.zeros(10), np.zeros(5)) == 0
    assert np.isnan(stability_index(np.array([]), np.zeros(5)))
    assert stability_index(np.full(10, np.nan), np.full(5, np.nan)) == 0


def test_new_category_is_drift() -> None:
    cats, dogs = pl.Series(["cat"] * 10), pl.Series(["cat"] * 5 + ["dog"] * 5)
    assert category_stability_index(cats, cats) == 0
    assert category_stability_index(cats, dogs) > 0.25


def test_every_column_of_a_table_is_measured() -> None:
    table = pl.DataFrame({"words": [1.0, 2.0], "image_category": ["cat", "dog"]})
    assert table_drift(table, table) == {"words": 0.0, "image_category": 0.0}


N_WEEKS, WEEK_POSTS = 16, 60


def weekly(values: np.ndarray) -> tuple[pl.DataFrame, pl.Series]:
    """Values of shape (weeks, posts) as a table, and the week of each."""
    weeks = pl.Series("week", np.repeat(np.arange(len(values)), values.shape[1]))
    return pl.DataFrame({"x": values.ravel()}), weeks


def owners_weeks(generator: np.random.Generator, weeks: int, shift: float = 0.0) -> np.ndarray:
    """Weeks in which a few owners, each at a level of its own, post more or less."""
    levels = generator.normal(size=(weeks, 6))[:, :, None]
    posts = levels + 0.3 * generator.normal(size=(weeks, 6, WEEK_POSTS // 6))
    return np.reshape(posts, (weeks, WEEK_POSTS)) + shift


def test_ordinary_weeks_stay_below_the_usual_bound_though_posts_are_alike() -> None:
    generator, alarms, by_chance = np.random.default_rng(2), 0, 0
    for _ in range(150):
        values = owners_weeks(generator, N_WEEKS + 1)
        reference, weeks = weekly(values[:-1])
        index = stability_index(reference["x"].to_numpy(), values[-1])
        alarms += index > usual_bounds(reference, weeks)["x"]
        by_chance += index > noise_bound(len(reference), WEEK_POSTS)
    assert alarms <= 1
    assert by_chance > 30  # what the bound for independent posts would have cried


def test_a_week_that_is_shifted_is_above_it() -> None:
    generator = np.random.default_rng(3)
    reference, weeks = weekly(owners_weeks(generator, N_WEEKS))
    shifted = owners_weeks(generator, 1, shift=3.0)[0]
    index = stability_index(reference["x"].to_numpy(), shifted)
    assert index > usual_bounds(reference, weeks)["x"]


def test_few_weeks_or_weeks_of_few_posts_bound_nothing() -> None:
    few, weeks = weekly(NORMAL[:300].reshape(5, 60))
    assert usual_bounds(few, weeks) == {"x": 0.0}
    small, weeks = weekly(NORMAL[:400].reshape(20, 20))
    assert usual_bounds(small, weeks) == {"x": 0.0}


def test_a_week_is_compared_with_all_others() -> None:
    generator = np.random.default_rng(4)
    weeks = pl.Series("week", np.repeat(np.arange(N_WEEKS), WEEK_POSTS))
    digits = generator.integers(0, 4, size=len(weeks)).astype(np.float64)
    digits[generator.random(len(weeks)) < 0.1] = np.nan
    names = pl.Series(generator.choice(["cat", "dog", "cow"], size=len(weeks)))
    table = pl.DataFrame({"digit": digits, "category": names})
    expected: dict[str, list[float]] = {"digit": [], "category": []}
    for week in range(N_WEEKS):
        here = (weeks == week).to_numpy()
        expected["digit"].append(stability_index(digits[~here], digits[here]))
        others = names.filter(pl.Series(~here)), names.filter(pl.Series(here))
        expected["category"].append(category_stability_index(*others))
    bounds = usual_bounds(table, weeks)
    for name, indices in expected.items():
        logarithms = np.log(indices)
        bound = np.exp(logarithms.mean() + DEVIATIONS * logarithms.std(ddof=1))
        assert bounds[name] == pytest.approx(bound)
