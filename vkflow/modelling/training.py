"""Training: one CatBoost model per activity, CrossEntropy on the observed rates."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.activities import ACTIVITY_NAMES
from vkflow.modelling.features import CATEGORICAL, FeatureRecipe
from vkflow.modelling.metrics import Floats, log_loss_per_view
from vkflow.modelling.owner_rates import RatePrior, fit_prior, smoothed_rates
from vkflow.modelling.prediction import predict_table
from vkflow.modelling.reducers import FIT_ROWS, Reducer, fit_reducer
from vkflow.modelling.splits import TEST, TRAIN, VALIDATION, split_posts
from vkflow.modelling.vectors import as_matrix
from vkflow.modelling.weights import effective_sample_sizes, overdispersion
from vkflow.settings import TrainingSettings

ReadPosts = Callable[[], Iterator[pl.DataFrame]]
"""Reads the labelled posts anew, in chunks, always in the same order."""


@dataclass(frozen=True)
class TrainingSet:
    """Labelled posts with everything a model or a baseline needs.

    Attributes:
        keys: owner_id, post_id, published_at, split.
        history: ``history_…`` columns, same rows.
        features: the table of the recipe, same rows.
        counts: activities of each post by name, NaN where unknown.
        chances: views of each post by name, NaN where unknown.
    """

    keys: pl.DataFrame
    history: pl.DataFrame
    features: pl.DataFrame
    counts: Mapping[str, Floats]
    chances: Mapping[str, Floats]

    def rows(self, activity: str, split: str) -> NDArray[np.int64]:
        """Positions of the posts of a split whose outcome is known."""
        known = ~np.isnan(self.counts[activity])
        chosen = self.keys["split"].to_numpy() == split
        return np.flatnonzero(known & chosen)

    def outcomes(self, activity: str, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Counts and chances of posts."""
        return self.counts[activity][rows], self.chances[activity][rows]


@dataclass(frozen=True)
class TrainedActivities:
    """What training gives.

    Attributes:
        models: a fitted CatBoost model by activity.
        skipped: why there is none, by activity.
    """

    models: Mapping[str, Any]
    skipped: Mapping[str, str]


def prepare(
    read_posts: ReadPosts,
    outcomes: pl.DataFrame,
    categories: Iterable[str],
    settings: TrainingSettings,
    gap: timedelta,
) -> tuple[FeatureRecipe, TrainingSet]:
    """Split the posts, fit the recipe on the training split, and compute all features.

    Args:
        read_posts: reads the labelled posts in chunks.
        outcomes: owner_id, post_id, activity, chances, count of the same posts.
        categories: of the taxonomy in use, empty without pictures.
        settings: shares of the splits, numbers of components.
        gap: the label maturity.
    """
    columns = ("owner_id", "post_id", "published_at")
    keys = pl.concat([chunk.select(columns) for chunk in read_posts()])
    split = split_posts(
        keys,
        gap=gap,
        validation_share=settings.validation_share,
        test_share=settings.test_share,
    )
    keys = keys.with_columns(split)
    history = pl.concat([chunk.select(pl.col("^history_.*$")) for chunk in read_posts()])
    counts, chances = _align(keys, outcomes)
    training = (split == TRAIN).to_numpy()
    recipe = FeatureRecipe(
        priors=_fit_priors(history, counts, chances, training),
        categories=tuple(categories),
        text_reducer=_fit(read_posts, "text_embedding", training, settings.text_components),
        image_reducer=_fit(read_posts, "image_embedding", training, settings.image_components),
    )
    features = pl.concat([recipe.table(chunk) for chunk in read_posts()])
    return recipe, TrainingSet(keys, history, features, counts, chances)


def train_activities(
    data: TrainingSet,
    priors: Mapping[str, RatePrior],
    settings: TrainingSettings,
    on_progress: Callable[[str], None],
) -> TrainedActivities:
    """Fit a model for each activity with enough labelled posts in every split.

    A model that does not beat the smoothed owner rate on the validation window is dropped: the
    owner rate, which needs no model, predicts better then.

    Args:
        data: from :func:`prepare`.
        priors: of the recipe.
        settings: CatBoost's parameters.
        on_progress: called with the activity that is about to be trained.
    """
    models, skipped = {}, {}
    for activity in ACTIVITY_NAMES:
        on_progress(activity)
        reason = _reason_to_skip(data, activity, settings.min_posts)
        model = None if reason else _fit_activity(data, activity, settings)
        if model is not None and not _beats_owner_rate(data, activity, model, priors[activity]):
            reason = "the model does not beat the owner's rate on the validation window"
        if reason:
            skipped[activity] = reason
        else:
            models[activity] = model
    return TrainedActivities(models, skipped)


def _beats_owner_rate(data: TrainingSet, activity: str, model: Any, prior: RatePrior) -> bool:
    rows = data.rows(activity, VALIDATION)
    counts, chances = data.outcomes(activity, rows)
    owner_rate = smoothed_rates(data.history[rows], activity, prior)
    predicted = predict_table({activity: model}, data.features[rows])[activity]
    return log_loss_per_view(counts, chances, predicted) < log_loss_per_view(
        counts, chances, owner_rate
    )


def _reason_to_skip(data: TrainingSet, activity: str, min_posts: int) -> str | None:
    sizes = {split: len(data.rows(activity, split)) for split in (TRAIN, VALIDATION, TEST)}
    if not any(sizes.values()):
        return "no post has a known count"
    if sizes[TRAIN] < min_posts or min(sizes.values()) == 0:
        found = ", ".join(f"{number} {split}" for split, number in sizes.items())
        return f"too few labelled posts: {found}; {min_posts} are needed for training"
    if not data.counts[activity][data.rows(activity, TRAIN)].any():
        return "it never happened in the training window"
    return None


def _fit_activity(data: TrainingSet, activity: str, settings: TrainingSettings) -> Any:
    from catboost import CatBoost

    counts, chances = data.outcomes(activity, data.rows(activity, TRAIN))
    correlation = overdispersion(counts, chances)
    model = CatBoost(
        {
            "loss_function": "CrossEntropy",
            "iterations": settings.iterations,
            "learning_rate": settings.learning_rate,
            "depth": settings.depth,
            "l2_leaf_reg": settings.l2_leaf_reg,
            "rsm": settings.feature_share,
            # Measured on sample posts: ordered boosting and category statistics cost five times
            # the time here and lose against plain boosting with one column per category.
            "boosting_type": "Plain",
            "one_hot_max_size": 255,
            "random_seed": settings.seed,
            "thread_count": settings.threads,
            "allow_writing_files": False,
            "logging_level": "Silent",
        }
    )
    return model.fit(
        _pool(data, activity, TRAIN, correlation),
        eval_set=_pool(data, activity, VALIDATION, correlation),
        early_stopping_rounds=settings.early_stopping_rounds,
    )


def _pool(data: TrainingSet, activity: str, split: str, correlation: float) -> Any:
    from catboost import Pool

    rows = data.rows(activity, split)
    counts, chances = data.outcomes(activity, rows)
    return Pool(
        data.features[rows].to_pandas(),
        label=counts / chances,
        weight=effective_sample_sizes(chances, correlation),
        cat_features=list(CATEGORICAL),
    )


def _align(
    keys: pl.DataFrame, outcomes: pl.DataFrame
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    counts, chances = {}, {}
    for activity in ACTIVITY_NAMES:
        known = outcomes.filter(pl.col("activity") == activity)
        joined = keys.join(known, on=["owner_id", "post_id"], how="left", maintain_order="left")
        counts[activity] = joined["count"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        chances[activity] = joined["chances"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return counts, chances


def _fit_priors(
    history: pl.DataFrame,
    counts: Mapping[str, Floats],
    chances: Mapping[str, Floats],
    training: NDArray[np.bool_],
) -> dict[str, RatePrior]:
    priors = {}
    for activity in ACTIVITY_NAMES:
        rows = np.flatnonzero(training & ~np.isnan(counts[activity]))
        if len(rows) and counts[activity][rows].any():
            priors[activity] = fit_prior(
                history[rows], activity, counts[activity][rows], chances[activity][rows]
            )
    return priors


def _fit(
    read_posts: ReadPosts, column: str, training: NDArray[np.bool_], components: int
) -> Reducer | None:
    """Fit a PCA on evenly spaced training posts, so that memory stays bounded."""
    stride = max(1, int(training.sum()) // FIT_ROWS)
    chosen = training & ((np.cumsum(training) - 1) % stride == 0)
    parts, start = [], 0
    for chunk in read_posts():
        rows = chosen[start : start + len(chunk)]
        vectors, _ = as_matrix(chunk[column].filter(pl.Series(rows)))
        if len(vectors):
            parts.append(vectors)
        start += len(chunk)
    sample = np.concatenate(parts) if parts else np.empty((0, 0), dtype=np.float32)
    return fit_reducer(sample, components) if len(sample) > 1 else None
