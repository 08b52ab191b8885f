"""Judging a bundle on the test window, next to the baselines every model must beat."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from vkflow.modelling.metrics import (
    Floats,
    Interval,
    attainable_share,
    log_losses,
    relative_gain,
)
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.prediction import predict_table
from vkflow.modelling.splits import TEST
from vkflow.modelling.training import TrainedActivities, TrainingSet

ALL = "all"
METRICS_SCHEMA = {
    "activity": pl.String,
    "split": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


@dataclass(frozen=True)
class Judged:
    """One activity on the test window: log loss of each post, by who predicts."""

    owners: np.ndarray
    chances: Floats
    model: Floats
    global_rate: Floats
    owner_rate: Floats
    oracle: Floats | None


def judge(
    data: TrainingSet,
    priors: Mapping[str, RatePrior],
    trained: TrainedActivities,
    oracle: pl.DataFrame | None,
) -> dict[str, Judged]:
    """Predict the test window with the models and the baselines.

    Args:
        data: from :func:`vkflow.modelling.training.prepare`.
        priors: of the recipe; the baselines are the rate, and the smoothed owner rate.
        trained: the models; an activity without one is predicted by its owner rate.
        oracle: owner_id, post_id, activity, oracle; on sample posts only.

    Returns:
        Log losses by activity, for those with labelled posts in the test window.
    """
    judged = {}
    for activity, prior in priors.items():
        rows = data.rows(activity, TEST)
        if not len(rows):
            continue
        counts, chances = data.outcomes(activity, rows)
        owner_rate = smoothed_rates(data.history[rows], activity, prior)
        models = {name: model for name, model in trained.models.items() if name == activity}
        probabilities = predict_table(models, data.features[rows]).get(activity, owner_rate)
        keys = data.keys[rows]
        known = None if oracle is None else _oracle(keys, activity, oracle)
        judged[activity] = Judged(
            owners=keys["owner_id"].to_numpy(),
            chances=chances,
            model=log_losses(counts, chances, probabilities),
            global_rate=log_losses(counts, chances, np.full(len(rows), prior.rate)),
            owner_rate=log_losses(counts, chances, owner_rate),
            oracle=None if known is None else log_losses(counts, chances, known),
        )
    return judged


def metrics_table(judged: Mapping[str, Judged], *, samples: int, seed: int) -> pl.DataFrame:
    """All figures of the test window.

    Args:
        judged: from :func:`judge`.
        samples: bootstrap resamples.
        seed: of the bootstrap.

    Returns:
        activity, split, metric, value, low, high; the activity ``all`` is the mean over them.
    """
    rows = []
    for activity, losses in judged.items():
        figures = _figures(losses, samples, seed)
        rows += [
            (activity, TEST, name, figure.value, figure.low, figure.high)
            for name, figure in figures.items()
        ]
    table = pl.DataFrame(rows, schema=METRICS_SCHEMA, orient="row")
    means = table.group_by("metric", maintain_order=True).agg(pl.col("value").mean())
    overall = means.select(
        pl.lit(ALL).alias("activity"),
        pl.lit(TEST).alias("split"),
        "metric",
        "value",
        pl.lit(None, pl.Float64).alias("low"),
        pl.lit(None, pl.Float64).alias("high"),
    )
    return pl.concat([table, overall])


def _figures(losses: Judged, samples: int, seed: int) -> dict[str, Interval]:
    views = losses.chances.sum()
    figures = {
        "log_loss_per_view": Interval(float(losses.model.sum() / views)),
        "log_loss_per_view_global_rate": Interval(float(losses.global_rate.sum() / views)),
        "log_loss_per_view_owner_rate": Interval(float(losses.owner_rate.sum() / views)),
        "gain_over_global": _gain(losses, losses.global_rate, samples, seed),
        "gain_over_owner": _gain(losses, losses.owner_rate, samples, seed),
        "test_posts": Interval(float(len(losses.model))),
    }
    if losses.oracle is not None:
        model, oracle = losses.model.sum(), losses.oracle.sum()
        figures["log_loss_per_view_oracle"] = Interval(float(oracle / views))
        figures["oracle_share"] = Interval(
            float(attainable_share(model, losses.global_rate.sum(), oracle))
        )
        figures["oracle_share_over_owner"] = Interval(
            float(attainable_share(model, losses.owner_rate.sum(), oracle))
        )
    return figures


def _gain(losses: Judged, baseline: Floats, samples: int, seed: int) -> Interval:
    return relative_gain(losses.model, baseline, groups=losses.owners, samples=samples, seed=seed)


def _oracle(keys: pl.DataFrame, activity: str, oracle: pl.DataFrame) -> Floats | None:
    """The oracle's conversions of these posts; ``None`` when any of them is no sample post."""
    joined = keys.join(
        oracle.filter(pl.col("activity") == activity),
        on=["owner_id", "post_id"],
        how="left",
        maintain_order="left",
    )["oracle"]
    return None if joined.null_count() else joined.to_numpy().astype(np.float64)
