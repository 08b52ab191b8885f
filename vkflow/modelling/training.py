"""Training: per activity a linear stage, and trees on what it leaves, by CrossEntropy on rates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vkflow.activities import ACTIVITY_NAMES
from vkflow.modelling.calibration import IDENTITY, Calibration, fit_calibration
from vkflow.modelling.features import CATEGORICAL
from vkflow.modelling.linear import Matrix
from vkflow.modelling.linear_stage import LinearStage, fit_linear_stage, view_correlation
from vkflow.modelling.metrics import Floats, log_loss_per_view, sigmoid
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.splits import TEST, TRAIN, VALIDATION
from vkflow.modelling.training_set import Recipe, Rows, TrainingSet
from vkflow.modelling.trees import tree_logits
from vkflow.modelling.weights import effective_sample_sizes
from vkflow.sections import TrainingSettings


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
    stage = fit_linear_stage(data, recipe, settings.min_posts)
    reasons = dict(stage.skipped)
    models, predictions = {}, {}
    for name in ACTIVITY_NAMES:
        on_progress(name)
        if name in reasons:
            continue
        model, predicted = fit_activity(data, name, stage, settings)
        if _beats_owner_rate(data, name, predicted, recipe.features.priors[name]):
            models[name], predictions[name] = model, predicted
        else:
            reasons[name] = "the model does not beat the owner's rate on the validation window"
    return Trained(models, reasons, predictions)


def fit_activity(
    data: TrainingSet, activity: str, stage: LinearStage, settings: TrainingSettings
) -> tuple[ActivityModel, Floats]:
    """Fit the trees of one activity, and calibrate where it helps.

    Returns:
        The model, and its probabilities of all posts, NaN for training posts.
    """
    offset, linear = stage.offsets[activity], stage.fits[activity]
    correlation = view_correlation(data, activity)
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
