from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from vkflow.errors import SettingsError
from vkflow.modelling.evaluation import compare_losses, metrics_table
from vkflow.modelling.forecasts import Forecasts
from vkflow.modelling.judging import EvaluatedPosts, resampling_blocks
from vkflow.modelling.metrics import logits, sigmoid
from vkflow.modelling.registry import TAKE_RESAMPLES, Metric, load_metrics


def forecasts(n_posts: int = 4_000, seed: int = 0) -> Forecasts:
    """Calibrated predictions of posts with different rates."""
    generator = np.random.default_rng(seed)
    p = sigmoid(generator.normal(-2, 0.7, n_posts))
    exposures = generator.integers(50, 400, n_posts).astype(float)
    counts = generator.binomial(exposures.astype(int), p).astype(float)
    return Forecasts(
        counts, exposures, p, np.full(n_posts, p.mean()), sigmoid(logits(p) * 0.3 - 1.4),
        exposures,
        np.ones(n_posts),
    )  # fmt: skip


def value(name: str, subject: Forecasts) -> float:
    return load_metrics()[name](subject)


def with_probabilities(subject: Forecasts, p: np.ndarray) -> Forecasts:
    return replace(subject, probabilities=p)


def test_calibrated_predictions_have_slope_one_and_intercept_zero() -> None:
    subject = forecasts()
    assert value("calibration_slope", subject) == pytest.approx(1, abs=0.02)
    assert value("calibration_intercept", subject) == pytest.approx(0, abs=0.04)
    assert value("expected_calibration_error", subject) < 0.003


def test_too_extreme_predictions_have_a_slope_below_one() -> None:
    subject = forecasts()
    extreme = with_probabilities(subject, sigmoid(2 * logits(subject.probabilities) + 2))
    assert value("calibration_slope", extreme) == pytest.approx(0.5, abs=0.02)
    assert value("expected_calibration_error", extreme) > 0.02


@pytest.mark.parametrize("metric", load_metrics())
def test_a_resample_is_measured_as_if_it_had_been_made_anew(metric: str) -> None:
    subject = forecasts(200)
    value(metric, subject)
    weights = np.random.default_rng(0).integers(0, 3, 200).astype(float)
    resampled = subject.reweighted(weights)
    assert value(metric, resampled) == value(metric, replace(subject, weights=weights))
    assert value(metric, resampled) != value(metric, subject)


@pytest.mark.parametrize("metric", TAKE_RESAMPLES)
def test_resamples_at_once_are_measured_as_one_by_one(metric: Metric) -> None:
    subject = replace(forecasts(200), reference=np.full(200, 0.1))
    weights = np.random.default_rng(0).integers(0, 3, (7, 200)).astype(float)
    one_by_one = [metric(subject.reweighted(each)) for each in weights]
    assert metric(subject.reweighted(weights)) == pytest.approx(one_by_one, rel=1e-9)


def test_a_metric_that_a_user_added_gets_resamples_one_by_one() -> None:
    def views_of_all_posts(subject: Forecasts) -> float:
        assert subject.weights.shape == subject.counts.shape
        return float(subject.weights @ subject.exposures)

    subject, owners = forecasts(100), np.arange(100) % 20
    metrics = {"views": views_of_all_posts}
    row = metrics_table(judged(subject, owners), metrics, samples=100, seed=0).row(0, named=True)
    assert row["value"] == subject.exposures.sum()
    assert row["low"] < row["value"] < row["high"]


@pytest.mark.parametrize("metric", ["auc", "rate_r2", "predicted_over_observed"])
def test_what_no_post_tells_is_no_number(metric: str) -> None:
    nothing = replace(forecasts(50), counts=np.zeros(50))
    assert np.isnan(value(metric, nothing))
    both = np.stack([np.ones(50), np.arange(50) < 5]).astype(float)
    some = replace(forecasts(50), counts=np.where(np.arange(50) < 5, 0.0, 1.0), weights=both)
    assert list(np.isnan(value(metric, some))) == [False, True]


def test_auc_agrees_with_scikit_learn_on_single_views() -> None:
    from sklearn.metrics import roc_auc_score

    subject = forecasts(60)
    outcome, score = [], []
    for k, n, p in zip(
        subject.counts, subject.exposures, subject.probabilities.round(2), strict=True
    ):
        outcome += [1] * int(k) + [0] * int(n - k)
        score += [p] * int(n)
    rounded = with_probabilities(subject, subject.probabilities.round(2))
    assert value("auc", rounded) == pytest.approx(roc_auc_score(outcome, score))


def test_constant_predictions_rank_nothing() -> None:
    subject = forecasts(50)
    assert value("auc", with_probabilities(subject, np.full(50, 0.1))) == 0.5


def test_brier_and_errors_of_rates_by_hand() -> None:
    subject = Forecasts(
        *(
            np.array(a)
            for a in ([1.0, 2.0], [2.0, 4.0], [0.5, 0.25], *[[0.5, 0.5]] * 2, *[[1.0, 1.0]] * 2)
        )
    )
    assert value("brier", subject) == pytest.approx((2 * 0.25 + 2 * 0.5625 + 2 * 0.0625) / 6)
    assert value("rate_mae", subject) == pytest.approx(0.125)
    assert value("rate_mse", subject) == pytest.approx(0.03125)


def test_a_viral_post_counts_once_in_the_loss_per_post() -> None:
    subject = Forecasts(
        *(
            np.array(a)
            for a in ([1.0, 0.0], [2.0, 1e6], [0.5, 1e-9], *[[0.5, 0.5]] * 2, *[[1.0, 1.0]] * 2)
        )
    )
    assert value("log_loss_per_post", subject) == pytest.approx(np.log(2) / 2, rel=1e-3)
    assert value("log_loss_per_view", subject) < 1e-5


def test_weights_are_repetitions() -> None:
    subject = forecasts(200)
    times = np.random.default_rng(1).integers(0, 3, 200)
    repeated = subject[np.repeat(np.arange(200), times)]
    weighted = Forecasts(**{**vars(subject), "weights": times.astype(float)})
    for name in load_metrics():
        if name != "expected_calibration_error":  # its groups have equal numbers of posts
            assert value(name, weighted) == pytest.approx(value(name, repeated)), name


def judged(subject: Forecasts, owners: np.ndarray) -> dict[str, EvaluatedPosts]:
    return {"like": EvaluatedPosts(np.arange(len(owners)), owners, subject, None)}


def test_interval_is_wider_when_posts_come_from_few_owners() -> None:
    subject = forecasts(600)
    metrics = {"gain_over_global": load_metrics()["gain_over_global"]}
    order = np.argsort(subject.probabilities)
    owners = np.empty(600, dtype=np.int64)
    owners[order] = np.arange(600) // 60
    few, many = (
        metrics_table(judged(subject, o), metrics, samples=300, seed=0).row(0, named=True)
        for o in (owners, np.arange(600))
    )
    assert few["value"] == many["value"]
    assert few["high"] - few["low"] > 1.3 * (many["high"] - many["low"])


def test_comparison_with_itself_is_zero_and_with_worse_is_negative() -> None:
    subject = forecasts(400)
    entry = judged(subject, np.arange(400) % 40)
    itself = compare_losses(
        entry, {"like": subject.probabilities}, samples=100, seed=0, metric="loss"
    )
    worse = compare_losses(entry, {"like": subject.global_rate}, samples=100, seed=0, metric="loss")
    assert itself.select("value", "low", "high").row(0) == (0, 0, 0)
    assert worse.row(0, named=True)["high"] < 0


def test_only_posts_the_other_has_not_learnt_from_are_compared() -> None:
    subject = forecasts(400)
    entry = judged(subject, np.arange(400) % 40)
    learnt = np.arange(400) < 200
    other = np.where(learnt, np.nan, subject.probabilities)
    new = compare_losses(entry, {"like": other}, samples=100, seed=0, metric="loss")
    assert new.select("value", "low", "high").row(0) == (0, 0, 0)
    nothing_new = compare_losses(
        entry, {"like": np.full(400, np.nan)}, samples=100, seed=0, metric="loss"
    )
    assert nothing_new.is_empty()


def test_few_owners_are_resampled_by_weeks() -> None:
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(70)]
    one_owner = pl.DataFrame({"owner_id": -1, "published_at": days})
    assert 9 <= len(np.unique(resampling_blocks(one_owner))) <= 11
    many = pl.DataFrame({"owner_id": [-day % 10 for day in range(70)], "published_at": days})
    assert len(np.unique(resampling_blocks(many))) == 10


def test_user_adds_a_metric_with_one_function() -> None:
    metrics = load_metrics(["math:isnan"])
    assert metrics["isnan"](float("nan"))
    assert "log_loss_per_view" in metrics


@pytest.mark.parametrize("reference", ["nowhere:metric", "math:nothing", "math:pi", "math"])
def test_metric_that_leads_nowhere_is_a_settings_error(reference: str) -> None:
    with pytest.raises(SettingsError, match=r"training\.metrics"):
        load_metrics([reference])


def test_activities_without_a_model_have_no_part_in_the_mean_of_calibration() -> None:
    owners = np.arange(400) % 20
    good = judged(forecasts(400), owners)["like"]
    off = replace(good.forecasts, probabilities=good.forecasts.probabilities * 0.5)
    both = {"like": good, "comment": replace(good, forecasts=off, is_fallback=True)}
    metrics = load_metrics()
    table = metrics_table(both, metrics, samples=100, seed=0)

    def value_of(activity: str, metric: str) -> float:
        return float(table.filter(activity=activity, metric=metric)["value"].item())

    assert value_of("all", "predicted_over_observed") == value_of("like", "predicted_over_observed")
    losses = [value_of(name, "log_loss_per_view") for name in ("like", "comment")]
    assert value_of("all", "log_loss_per_view") == pytest.approx(np.mean(losses))
