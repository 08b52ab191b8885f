"""Training: per activity a linear stage, and trees on what it leaves, by CrossEntropy on rates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vkflow.activities import ACTIVITY_NAMES
from vkflow.modelling.calibration import IDENTITY, Calibration, fit_calibration
from vkflow.modelling.features import CATEGORICAL
from vkflow.modelling.linear import LinearFit, Matrix, Sample, fit_linear, linear_logits
from vkflow.modelling.metrics import Floats, log_loss_per_view, sigmoid
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.splits import TEST, TRAIN, VALIDATION
from vkflow.modelling.training_set import Recipe, Rows, TrainingSet
from vkflow.modelling.trees import tree_logits
from vkflow.modelling.weights import effective_sample_sizes, overdispersion
from vkflow.settings import TrainingSettings


@dataclass(frozen=True)
class ActivityModel:
    """The model of one activity: sigmoid(calibration(linear + trees)).

    Attributes:
        coefficients: of the linear stage, float32, shape (columns of the design,).
        trees: a CatBoost model of the logit that the linear stage leaves.
        calibration: applied to the sum.
        correlation: of views within a post, as estimated.
        penalty: of the linear stage, as chosen.
    """

    coefficients: Matrix
    trees: Any
    calibration: Calibration
    correlation: float
    penalty: float


@dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes:
        models: by activity.
        skipped: why there is none, by activity.
        predictions: of every labelled post, out of sample for validation and test, by activity
            with a model; NaN for training posts.
    """

    models: Mapping[str, ActivityModel]
    skipped: Mapping[str, str]
    predictions: Mapping[str, Floats]


def train(
    data: TrainingSet,
    recipe: Recipe,
    settings: TrainingSettings,
    on_progress: Callable[[str], None],
) -> Trained:
    """Fit a model for each activity with enough labelled posts in every split.

    A model that does not beat the smoothed owner rate on the validation window is dropped: the
    owner rate, which needs no model, predicts better then.

    Args:
        data: from :func:`vkflow.modelling.training_set.prepare`.
        recipe: from the same.
        settings: parameters of the trees.
        on_progress: called with the activity that is about to be trained.
    """
    skipped = {name: _reason_to_skip(data, name, settings.min_posts) for name in ACTIVITY_NAMES}
    reasons = {name: reason for name, reason in skipped.items() if reason}
    names = [name for name in ACTIVITY_NAMES if name not in reasons]
    linear = {name: _fit_linear(data, name) for name in names}
    offsets = _offsets(data, recipe, linear)
    models, predictions = {}, {}
    for name in ACTIVITY_NAMES:
        on_progress(name)
        if name in reasons:
            continue
        model, predicted = _fit_activity(data, name, linear[name], offsets[name], settings)
        if _beats_owner_rate(data, name, predicted, recipe.features.priors[name]):
            models[name], predictions[name] = model, predicted
        else:
            reasons[name] = "the model does not beat the owner's rate on the validation window"
    return Trained(models, reasons, predictions)


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


def _correlation(data: TrainingSet, activity: str) -> float:
    return overdispersion(*data.outcomes(activity, data.rows(activity, TRAIN)))


def _fit_linear(data: TrainingSet, activity: str) -> LinearFit:
    correlation = _correlation(data, activity)
    training = _linear_sample(data, activity, TRAIN, correlation)
    validation = _linear_sample(data, activity, VALIDATION, correlation)
    rows = np.intersect1d(data.linear_rows, data.rows(activity, TRAIN))
    return fit_linear(training, validation, data.blocks[rows])


def _linear_sample(data: TrainingSet, activity: str, split: str, correlation: float) -> Sample:
    rows, places, _ = np.intersect1d(
        data.linear_rows, data.rows(activity, split), assume_unique=True, return_indices=True
    )
    counts, chances = data.outcomes(activity, rows)
    return Sample(
        data.linear_design[places],
        counts / chances,
        effective_sample_sizes(chances, correlation),
    )


def _offsets(
    data: TrainingSet, recipe: Recipe, linear: Mapping[str, LinearFit]
) -> dict[str, Floats]:
    """Logits of the linear stage for every post, never by a fit that saw the post itself.

    A training post gets the fit without its block of time, a validation post the fit on the
    training posts, all others the fit on both.
    """
    if not linear:
        return {}
    split = data.keys["split"].to_numpy()
    offsets = {name: np.empty(len(split)) for name in linear}
    start = 0
    for chunk in data.read_posts():
        rows = np.arange(start, start + len(chunk))
        design = recipe.design.matrix(chunk, data.features[start : start + len(chunk)])
        for name, fit in linear.items():
            fits = {"final": fit.final, "training": fit.training}
            fits |= {str(block): fold for block, fold in enumerate(fit.folds)}
            values = linear_logits(design, fits)
            which = np.where(split[rows] == VALIDATION, "training", "final").astype(object)
            training = data.blocks[rows] >= 0
            which[training] = data.blocks[rows][training].astype(str)
            for fitted, logits in values.items():
                chosen = which == fitted
                offsets[name][rows[chosen]] = logits[chosen]
        start += len(chunk)
    return offsets


def _fit_activity(
    data: TrainingSet,
    activity: str,
    linear: LinearFit,
    offset: Floats,
    settings: TrainingSettings,
) -> tuple[ActivityModel, Floats]:
    correlation = _correlation(data, activity)
    trees = _fit_trees(data, activity, offset, correlation, settings)
    held_out = data.rows(activity, VALIDATION, TEST)
    logits = np.full(len(offset), np.nan)
    logits[held_out] = offset[held_out] + tree_logits(trees, data.features[held_out])
    calibration = _fit_calibration(data, activity, logits, correlation)
    model = ActivityModel(linear.final, trees, calibration, correlation, linear.penalty)
    return model, sigmoid(calibration.apply(logits))


def _fit_calibration(
    data: TrainingSet, activity: str, logits: Floats, correlation: float
) -> Calibration:
    rows = data.rows(activity, VALIDATION)
    counts, chances = data.outcomes(activity, rows)
    weights = effective_sample_sizes(chances, correlation)
    if len(rows) < 2:
        return IDENTITY
    return fit_calibration(logits[rows], counts / chances, weights)


def _fit_trees(
    data: TrainingSet,
    activity: str,
    offset: Floats,
    correlation: float,
    settings: TrainingSettings,
) -> Any:
    from catboost import CatBoost

    trees = CatBoost(
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
    return trees.fit(
        _pool(data, activity, data.rows(activity, TRAIN), offset, correlation),
        eval_set=_pool(data, activity, data.rows(activity, VALIDATION), offset, correlation),
        early_stopping_rounds=settings.early_stopping_rounds,
    )


def _pool(data: TrainingSet, activity: str, rows: Rows, offset: Floats, correlation: float) -> Any:
    from catboost import Pool

    counts, chances = data.outcomes(activity, rows)
    return Pool(
        data.features[rows].to_pandas(),
        label=counts / chances,
        weight=effective_sample_sizes(chances, correlation),
        baseline=offset[rows],
        cat_features=list(CATEGORICAL),
    )


def _beats_owner_rate(
    data: TrainingSet, activity: str, predicted: Floats, prior: RatePrior
) -> bool:
    rows = data.rows(activity, VALIDATION)
    counts, chances = data.outcomes(activity, rows)
    owner_rate = smoothed_rates(data.history[rows], activity, prior)
    return log_loss_per_view(counts, chances, predicted[rows]) < log_loss_per_view(
        counts, chances, owner_rate
    )
