import numpy as np
import pytest

from vkflow.modelling.calibration import IDENTITY, Calibration, fit_calibration
from vkflow.modelling.design import fit_standardiser
from vkflow.modelling.linear import (
    FOLDS,
    PENALTIES,
    Sample,
    _fit_nearby,
    _with_curvature,
    fit_linear,
    fit_logistic_ridge,
    linear_logits,
)
from vkflow.modelling.metrics import sigmoid
from vkflow.modelling.splits import TEST, TRAIN, VALIDATION


def draw(n_posts: int, seed: int, effect: float = 0.8) -> Sample:
    """Rates that depend on one of five columns."""
    generator = np.random.default_rng(seed)
    design = generator.normal(size=(n_posts, 6)).astype(np.float32)
    design[:, 0] = 1
    rates = generator.binomial(500, sigmoid(-3 + effect * design[:, 1])) / 500
    return Sample(design, rates, np.full(n_posts, 500.0))


def test_planted_coefficients_are_found() -> None:
    coefficients = fit_logistic_ridge([draw(2_000, 0)], penalty=1.0)
    np.testing.assert_allclose(coefficients, [-3, 0.8, 0, 0, 0, 0], atol=0.03)


def test_it_agrees_with_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    sample = draw(300, 1)
    views = np.concatenate([sample.rates, 1 - sample.rates]) * 500
    outcome = np.repeat([1, 0], 300)
    expected = LogisticRegression(C=0.1, tol=1e-8, max_iter=1_000).fit(
        np.tile(sample.design[:, 1:], (2, 1)), outcome, sample_weight=views
    )
    found = fit_logistic_ridge([sample], penalty=10.0)
    np.testing.assert_allclose(found[1:], expected.coef_[0], atol=2e-3)
    assert found[0] == pytest.approx(expected.intercept_[0], abs=2e-3)


def test_stronger_penalty_means_smaller_coefficients() -> None:
    sizes = [np.abs(fit_logistic_ridge([draw(300, 2)], p)[1]) for p in (1.0, 100.0, 10_000.0)]
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_rates_that_are_all_alike_end_in_finite_coefficients(rate: float) -> None:
    sample = draw(50, 3)
    alike = Sample(sample.design, np.full(50, rate), sample.weights)
    fitted = fit_logistic_ridge([alike], 1.0)
    assert np.isfinite(fitted).all()


def together(training: Sample, validation: Sample, test: Sample | None = None):
    """One sample with its splits and blocks, as ``fit_linear`` takes it."""
    parts = [training, validation] + ([test] if test else [])
    sample = Sample(
        *(
            np.concatenate([getattr(part, field) for part in parts])
            for field in ("design", "rates", "weights")
        )
    )
    sizes = [len(part.rates) for part in parts]
    split = np.repeat(np.array([TRAIN, VALIDATION, TEST][: len(parts)], dtype=object), sizes)
    blocks = np.full(len(split), -1)
    blocks[: sizes[0]] = np.arange(sizes[0]) * FOLDS // sizes[0]
    return sample, split, blocks


def test_without_anything_to_learn_the_strongest_penalty_is_chosen() -> None:
    fit = fit_linear(*together(*(draw(400, seed, effect=0.0) for seed in (4, 5))))
    assert fit.penalty == max(PENALTIES)


def test_each_fold_leaves_its_block_out() -> None:
    # given: the effect is reversed in one block of time
    sample, split, blocks = together(draw(400, 6), draw(200, 7))
    design = sample.design.copy()
    design[blocks == 2, 1] *= -1
    # when
    fit = fit_linear(Sample(design, sample.rates, sample.weights), split, blocks)
    # then: only the fold without that block sees the effect alone
    effects = [fold[1] for fold in fit.folds]
    assert int(np.argmax(effects)) == 2


def test_only_the_final_fit_has_seen_the_test_window() -> None:
    posts = [draw(300, seed) for seed in (8, 9, 10)]
    other = Sample(posts[2].design, posts[2].rates[::-1].copy(), posts[2].weights)
    fits = [fit_linear(*together(*posts[:2], test)) for test in (posts[2], other)]
    for name in ("penalty", "training", "folds", "judged"):
        np.testing.assert_array_equal(*(getattr(fit, name) for fit in fits), err_msg=name)
    assert (fits[0].final != fits[1].final).any()


def test_each_fit_learns_from_its_own_posts() -> None:
    parts = [draw(300, seed) for seed in (8, 9, 10)]
    sample, split, blocks = together(*parts)
    fit = fit_linear(sample, split, blocks)
    expected = {
        "training": split == TRAIN,
        "judged": split != TEST,
        "final": np.full(len(split), True),
    }
    for name, rows in expected.items():
        alone = fit_logistic_ridge([sample[rows]], fit.penalty)
        np.testing.assert_allclose(getattr(fit, name), alone, atol=2e-3, err_msg=name)


def test_steps_that_do_not_settle_are_not_the_end() -> None:
    """Of a curvature far from the summit's they are too short, or too long."""
    sample = draw(300, 8, effect=10.0)
    far = np.zeros(6, dtype=np.float32)
    found = _fit_nearby(_with_curvature([sample], far), 1.0, far)
    np.testing.assert_allclose(found, fit_logistic_ridge([sample], 1.0), atol=2e-3)


def test_logits_are_those_of_the_columns() -> None:
    design = np.array([[1, 2], [1, -1]], dtype=np.float32)
    of_activities = {"a": np.array([0.5, 1]), "b": np.array([0, 2])}
    found = linear_logits(design, {n: c.astype(np.float32) for n, c in of_activities.items()})
    assert found["a"].tolist() == [2.5, -0.5]
    assert found["b"].tolist() == [4, -2]


def test_calibration_stays_away_from_what_is_calibrated() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(-3, 1, size=600)
    rates = generator.binomial(300, sigmoid(logits)) / 300
    assert fit_calibration(logits, rates, np.full(600, 300.0)) == IDENTITY


def test_calibration_mends_what_is_too_extreme() -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(-3, 1, size=600)
    rates = generator.binomial(300, sigmoid(-0.5 + 0.5 * logits)) / 300
    found = fit_calibration(logits, rates, np.full(600, 300.0))
    assert found.slope == pytest.approx(0.5, abs=0.05)
    assert found.intercept == pytest.approx(-0.5, abs=0.2)


def test_a_wrong_level_is_mended_as_every_view_counts() -> None:
    """Posts with many views have lower rates: right per post is too high per view."""
    generator = np.random.default_rng(2)
    logits = generator.normal(-3, 1, size=600)
    views = np.where(generator.random(600) < 0.2, 3_000.0, 300.0)
    shift = np.where(views > 1_000, -0.6, 0.15)
    rates = generator.binomial(views.astype(int), sigmoid(logits + shift)) / views
    found = fit_calibration(logits, rates, views)
    assert found.slope == 1
    predicted = (views * sigmoid(found.apply(logits))).sum()
    assert predicted == pytest.approx((views * rates).sum(), rel=1e-3)
    assert predicted < 0.8 * (views * sigmoid(logits)).sum()


def test_calibration_of_posts_without_the_activity_is_finite() -> None:
    found = fit_calibration(np.full(50, -3.0), np.zeros(50), np.full(50, 300.0))
    assert np.isfinite([found.intercept, found.slope]).all()


def test_applying_a_calibration_is_a_line() -> None:
    assert Calibration(1.0, 2.0).apply(np.array([3.0])).tolist() == [7.0]


@pytest.mark.filterwarnings("error")
def test_standardising_leaves_constant_and_unknown_columns_at_zero() -> None:
    values = np.array([[1, 5, np.nan], [3, 5, np.nan], [np.nan, 5, np.nan]], dtype=np.float32)
    standard = fit_standardiser(values, spread=0.5).apply(values, spread=0.5)
    np.testing.assert_allclose(standard, [[-0.5, 0, 0], [0.5, 0, 0], [0, 0, 0]])


def test_what_no_training_post_had_is_cut_off() -> None:
    values = np.random.default_rng(0).normal(size=(500, 2)).astype(np.float32)
    standardiser = fit_standardiser(values, spread=0.5)
    far = np.array([[39.0, -39.0]], dtype=np.float32)
    np.testing.assert_allclose(standardiser.apply(far, spread=0.5), [[1.5, -1.5]])


def test_a_column_that_hardly_varied_is_not_blown_up() -> None:
    values = np.tile([0.0, 0.002], 50)[:, None].astype(np.float32)
    standard = fit_standardiser(values, 1.0, min_deviation=0.1).apply(values, 1.0)
    assert np.abs(standard).max() < 0.02
