"""Figures of judged predictions, with intervals, next to the baselines every model must beat."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.judging import EvaluatedPosts
from vkflow.modelling.metrics import Floats, attainable_share
from vkflow.modelling.registry import (
    Metric,
    evaluate_resamples,
    gain_over_global,
    gain_over_owner,
    log_loss_per_view,
    loss_against_reference,
)
from vkflow.modelling.splits import TEST
from vkflow.settings.sections import TrainingSettings

ALL = "all"
METRICS_SCHEMA = {
    "activity": pl.String,
    "split": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
SUMMARY = {
    metric.__name__: metric for metric in (log_loss_per_view, gain_over_global, gain_over_owner)
}
CALIBRATION = (
    "predicted_over_observed",
    "calibration_intercept",
    "calibration_slope",
    "expected_calibration_error",
)
MAX_WORK = 20_000_000
"""Posts times resamples: beyond it fewer resamples are drawn, at least a hundred."""
MAX_WEIGHTS = 50_000
"""Posts times resamples that are evaluated at once: more would leave the processor's cache."""


def metrics_table(
    judged: Mapping[str, EvaluatedPosts],
    metrics: Mapping[str, Metric],
    *,
    samples: int,
    seed: int,
    split: str = TEST,
) -> pl.DataFrame:
    """Figures with 95 % intervals from resampling whole blocks.

    Posts of one owner are alike; resampling single posts would make the intervals too narrow.
    Percentile bootstrap over clusters: Davison and Hinkley (1997), Bootstrap Methods, 3.8.

    Args:
        judged: from :func:`vkflow.modelling.judging.judge`.
        metrics: from :func:`vkflow.modelling.registry.load_metrics`.
        samples: resamples; the same blocks are drawn for every activity and metric.
        seed: of the resampling.
        split: what to call the posts, such as ``test``.

    Returns:
        activity, split, metric, value, low, high; the activity ``all`` is the mean over them.
    """
    if not judged:
        return pl.DataFrame(schema=METRICS_SCHEMA)
    as_they_are = {name: entry.forecasts.weights[None] for name, entry in judged.items()}
    names, found = [*judged, ALL], _evaluate(judged, metrics, as_they_are)[0]
    draws = [_evaluate(judged, metrics, weights) for weights in _resample(judged, samples, seed)]
    low, high = _interval(np.concatenate(draws))
    rows = [
        (activity, split, metric, found[i, j], low[i, j], high[i, j])
        for i, activity in enumerate(names)
        for j, metric in enumerate(metrics)
    ]
    rows += [(name, split, *figure, None, None) for name, figure in _plain_figures(judged)]
    return pl.DataFrame(rows, schema=METRICS_SCHEMA, orient="row")


def slices_table(
    judged: Mapping[str, EvaluatedPosts], features: pl.DataFrame, *, samples: int, seed: int
) -> pl.DataFrame:
    """The gains over both baselines by kind of post: ``split`` is such as ``test/text=short``.

    Args:
        judged: from :func:`vkflow.modelling.judging.judge`.
        features: of all posts of the training set.
        samples: resamples.
        seed: of the resampling.
    """
    metrics = {"gain_over_global": gain_over_global, "gain_over_owner": gain_over_owner}
    tables = [pl.DataFrame(schema=METRICS_SCHEMA)]
    for name, membership in _slices(features).items():
        parts = {a: j.part(membership[j.rows]) for a, j in judged.items()}
        parts = {activity: part for activity, part in parts.items() if len(part.rows) > 1}
        split = f"{TEST}/{name}"
        tables.append(metrics_table(parts, metrics, samples=samples, seed=seed, split=split))
    return pl.concat(tables)


def compare_losses(
    judged: Mapping[str, EvaluatedPosts],
    others: Mapping[str, Floats],
    *,
    samples: int,
    seed: int,
    metric: str,
) -> pl.DataFrame:
    """Relative difference in log loss to other predictions of the same posts, with intervals.

    Args:
        judged: from :func:`vkflow.modelling.judging.judge`.
        others: predictions of all posts of the training set, by activity, shape (posts,); NaN
            where they have learnt from the post.
        samples: resamples, the same for both sides (a paired bootstrap).
        seed: of the resampling.
        metric: what to call the difference.

    Returns:
        Rows of the metric on the test window: above 0 is worse than the other predictions.
    """
    paired = {}
    for name, entry in judged.items():
        if name not in others:
            continue
        other = others[name][entry.rows]
        both = entry.part(~np.isnan(other))
        if len(np.unique(both.blocks)) > 1:  # of one block there is no interval
            reference = other[~np.isnan(other)]
            paired[name] = replace(both, forecasts=replace(both.forecasts, reference=reference))
    metrics = {metric: loss_against_reference}
    table = metrics_table(paired, metrics, samples=samples, seed=seed)
    return table.filter(pl.col("metric") == metric)


def summarise_judged(
    judged: Mapping[str, EvaluatedPosts], settings: TrainingSettings
) -> pl.DataFrame:
    """One row an activity, and ``all`` for their mean.

    Returns:
        activity, posts, log_loss (per view, nats), gain_over_global, gain_over_owner, low and
        high of the latter, oracle_share (null without an oracle).
    """
    table = metrics_table(judged, SUMMARY, samples=settings.bootstrap_samples, seed=settings.seed)
    owner = table.filter(pl.col("metric") == "gain_over_owner").select("activity", "low", "high")
    names = (*SUMMARY, "posts", "oracle_share")
    wide = table.filter(pl.col("metric").is_in(names)).pivot(
        on="metric", index="activity", values="value"
    )
    if "oracle_share" not in wide.columns:
        wide = wide.with_columns(pl.lit(None, pl.Float64).alias("oracle_share"))
    return (
        wide.rename({"log_loss_per_view": "log_loss"})
        .with_columns(pl.col("posts").cast(pl.Int64))
        .join(owner, on="activity")
    )


def _evaluate(
    judged: Mapping[str, EvaluatedPosts],
    metrics: Mapping[str, Metric],
    weights: Mapping[str, Floats],
) -> Floats:
    """Values of resamples, shape (resamples, activities + 1, metrics), the last by mean.

    An owner rate is no forecast of a model: it has no part in how well those are calibrated.

    weights: how often each post is drawn, shape (resamples, posts), by activity.
    """
    n_resamples = len(next(iter(weights.values())))
    values = np.full((n_resamples, len(judged) + 1, len(metrics)), np.nan)
    for i, (activity, entry) in enumerate(judged.items()):
        has_views = (weights[activity] * entry.forecasts.exposures).sum(axis=1) > 0
        forecasts = entry.forecasts.reweighted(weights[activity][has_views])
        for j, metric in enumerate(metrics.values()):
            values[has_views, i, j] = evaluate_resamples(metric, forecasts)
    is_fallback = np.array([entry.is_fallback for entry in judged.values()])
    for j, name in enumerate(metrics):
        of_models = ~is_fallback if name in CALIBRATION else ~np.zeros_like(is_fallback)
        if of_models.any():
            values[:, -1, j] = values[:, :-1, j][:, of_models].mean(axis=1)
    return values


def _resample(
    judged: Mapping[str, EvaluatedPosts], samples: int, seed: int
) -> Iterator[dict[str, Floats]]:
    """How often each post is drawn, by activity: whole blocks, again and again.

    Some resamples at a time, shape (resamples, posts).
    """
    blocks = np.unique(np.concatenate([entry.blocks for entry in judged.values()]))
    places = {name: np.searchsorted(blocks, entry.blocks) for name, entry in judged.items()}
    n_posts = max(len(entry.rows) for entry in judged.values())
    draws = int(np.clip(MAX_WORK // n_posts, min(100, samples), samples))
    at_once = max(MAX_WEIGHTS // n_posts, 1)
    generator = np.random.default_rng(seed)
    shares = np.full(len(blocks), 1 / len(blocks))
    for start in range(0, draws, at_once):
        size = min(at_once, draws - start)
        drawn = generator.multinomial(len(blocks), shares, size).astype(np.float64)
        yield {name: drawn[:, of_posts] for name, of_posts in places.items()}


def _interval(draws: Floats) -> tuple[Floats, Floats]:
    """The middle 95 % of resamples, shape of one resample; NaN where a metric is undefined."""
    undefined = np.isnan(draws).all(axis=0)
    low, high = np.nanquantile(np.where(undefined, 0.0, draws), [0.025, 0.975], axis=0)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def _plain_figures(judged: Mapping[str, EvaluatedPosts]) -> Iterator[tuple[str, tuple[str, float]]]:
    """Figures without an interval: losses of the baselines, sizes, shares of the oracle."""
    collected: dict[str, list[float]] = {}
    for activity, entry in judged.items():
        for name, value in _figures_of(entry).items():
            collected.setdefault(name, []).append(value)
            yield activity, (name, value)
    for name, values in collected.items():
        if len(values) == len(judged):
            yield ALL, (name, float(np.mean(values)))


def _figures_of(entry: EvaluatedPosts) -> dict[str, float]:
    forecasts = entry.forecasts
    model, by_global, by_owner = (
        float(forecasts.mean_loss(name)) for name in ("probabilities", "global_rate", "owner_rate")
    )
    figures = {
        "log_loss_per_view_global_rate": by_global,
        "log_loss_per_view_owner_rate": by_owner,
        "posts": float(len(entry.rows)),
        "rate": float(forecasts.mean_per_view(forecasts.counts)),
    }
    if entry.oracle is not None:
        best = float(forecasts.loss_of(entry.oracle))
        figures["log_loss_per_view_oracle"] = best
        figures["oracle_share"] = attainable_share(model, by_global, best)
        figures["oracle_share_over_owner"] = attainable_share(model, by_owner, best)
    return figures


def _slices(features: pl.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Kinds of posts by name: which posts belong to each."""
    views, characters = pl.col("owner_views_per_post"), pl.col("characters")
    small, large = (
        features["owner_views_per_post"].fill_nan(None).quantile(q) for q in (1 / 3, 2 / 3)
    )
    conditions = {
        "owner=new": pl.col("owner_posts") == 0,
        "picture=yes": pl.col("has_image") == 1,
        "picture=no": pl.col("has_image") == 0,
        "text=none": characters == 0,
        "text=short": characters.is_between(1, 140),
        "text=medium": characters.is_between(141, 600),
        "text=long": characters > 600,
    }
    if small is not None and large is not None:  # some owner has a past
        conditions |= {
            "owner=small": views < small,
            "owner=medium": views.is_between(small, large, closed="left"),
            "owner=large": views >= large,
        }
    categories = features["image_category"].unique().sort().to_list()
    conditions |= {f"category={name}": pl.col("image_category") == name for name in categories}
    table = features.select(
        (condition & condition.is_not_null()).fill_null(False).alias(name)
        for name, condition in conditions.items()
    )
    return {name: table[name].to_numpy() for name in table.columns if table[name].any()}
