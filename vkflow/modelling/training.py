"""Training: per activity a linear stage, and trees on what it leaves, by CrossEntropy on rates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vkflow.modelling.calibration import IDENTITY, Calibration, fit_calibration
from vkflow.modelling.features import CATEGORICAL
from vkflow.modelling.linear import Matrix
from vkflow.modelling.linear_stage import LEARNT, LinearStage, fit_linear_stage
from vkflow.modelling.metrics import Floats, log_loss_per_view, sigmoid
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.splits import TEST, TRAIN, VALIDATION
from vkflow.modelling.training_set import Recipe, Rows, TrainingSet
from vkflow.modelling.trees import tree_logits
from vkflow.modelling.weights import capped_views, information
from vkflow.settings.sections import TrainingSettings
from vkflow.threads import map_threads, n_threads

SMALL = 100_000
"""Up to so many posts activities are trained beside one another, each on one thread: so few do not
keep several threads of CatBoost busy. More would fill the memory."""


@dataclass(frozen=True)
class ActivityModel:
    """The model of one activity: sigmoid(calibration(linear + trees)).

    Attributes:
        coefficients: of the linear stage, float32, shape (columns of the design,).
        trees: a CatBoost model of the logit that the linear stage leaves.
        calibration: applied to the sum.
        variance: relative variance of rates around what is expected of them, as estimated.
        penalty: of the linear stage, as chosen.
        replicates: deviations of what else the coefficients could have been, float32, shape
            (replicates, columns); ``None`` in a bundle of an earlier version.
    """

    coefficients: Matrix
    trees: Any
    calibration: Calibration
    variance: float
    penalty: float
    replicates: Matrix | None = None


@dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes:
        models: by activity; they have learnt from every labelled post.
        judged: what they were before they learnt from the test window, by activity.
        skipped: why there is none, by activity.
        predictions: of every labelled post by activity, by the judged model; NaN for training
            posts.
    """

    models: Mapping[str, ActivityModel]
    judged: Mapping[str, ActivityModel]
    skipped: Mapping[str, str]
    predictions: Mapping[str, Floats]

    def without(self, reasons: Mapping[str, str]) -> "Trained":
        """The same but for some activities, each with the reason why it loses its model."""
        kept = [name for name in self.models if name not in reasons]
        return Trained(
            models={name: self.models[name] for name in kept},
            judged={name: self.judged[name] for name in kept},
            skipped={**self.skipped, **reasons},
            predictions={name: self.predictions[name] for name in kept},
        )


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
        on_progress: called with each activity that is done.
    """
    threads = n_threads(settings.threads)
    stage = fit_linear_stage(data, recipe, settings.min_posts, threads)
    beside = threads if len(data.keys) <= SMALL else 1
    trees = settings.model_copy(update={"threads": 1}) if beside > 1 else settings
    reasons = dict(stage.skipped)
    models, judged, predictions = {}, {}, {}

    def learn(name: str) -> tuple[ActivityModel, ActivityModel, Floats] | None:
        model, predicted = fit_activity(data, name, stage, trees)
        if not _beats_owner_rate(data, name, predicted, recipe.features.priors[name]):
            return None
        return refit_activity(data, name, stage, trees, model), model, predicted

    for name in reasons:
        on_progress(name)
    for name, learnt in map_threads(learn, stage.fits, beside):
        on_progress(name)
        if learnt is None:
            reasons[name] = "the model does not beat the owner's rate on the validation window"
        else:
            models[name], judged[name], predictions[name] = learnt
    return Trained(models, judged, reasons, predictions)


def fit_activity(
    data: TrainingSet, activity: str, stage: LinearStage, settings: TrainingSettings
) -> tuple[ActivityModel, Floats]:
    """Fit the trees of one activity, and calibrate where it helps; the test window is not seen.

    Returns:
        The model, and its probabilities of all posts, shape (posts,), NaN for training posts.
    """
    offset, linear = stage.offsets[activity], stage.fits[activity]
    weights = _weights(data, activity, stage)
    trees = _trees(settings, settings.iterations).fit(
        _pool(data, activity, data.rows(activity, TRAIN), offset, weights),
        eval_set=_pool(data, activity, data.rows(activity, VALIDATION), offset, weights),
        early_stopping_rounds=settings.early_stopping_rounds,
    )
    held_out = data.rows(activity, VALIDATION, TEST)
    logits = np.full(len(offset), np.nan)
    logits[held_out] = offset[held_out] + tree_logits(trees, data.features[held_out])
    calibration = _fit_calibration(data, activity, logits)
    model = ActivityModel(
        linear.judged, trees, calibration, stage.variances[activity], linear.penalty
    )
    return model, sigmoid(calibration.apply(logits))


def refit_activity(
    data: TrainingSet,
    activity: str,
    stage: LinearStage,
    settings: TrainingSettings,
    judged: ActivityModel,
) -> ActivityModel:
    """The same model, with as many trees, learnt from every labelled post.

    The newest posts, which judged it, tell most of what comes next.
    """
    trees = judged.trees
    if trees.tree_count_:
        rows = data.rows(activity, *LEARNT)
        offset, weights = stage.offsets[activity], _weights(data, activity, stage)
        pool = _pool(data, activity, rows, offset, weights)
        trees = _trees(settings, trees.tree_count_).fit(pool)
    return replace(
        judged,
        coefficients=stage.fits[activity].final,
        trees=trees,
        replicates=stage.replicates[activity],
    )


def _weights(data: TrainingSet, activity: str, stage: LinearStage) -> Floats:
    """What each post is worth, in views; NaN where its outcome is unknown."""
    expected = sigmoid(stage.offsets[activity])
    return information(data.exposures[activity], expected, stage.variances[activity])


def _fit_calibration(data: TrainingSet, activity: str, logits: Floats) -> Calibration:
    """Right on the validation window where every view counts, as in the measure.

    A fit takes the rates of all posts for equally near the truth. Where views cost rates, as on
    real walls, it expects more of posts that many see than comes.
    """
    rows = data.rows(activity, VALIDATION)
    counts, exposures = data.outcomes(activity, rows)
    if len(rows) < 2:
        return IDENTITY
    return fit_calibration(logits[rows], counts / exposures, capped_views(exposures))


def _trees(settings: TrainingSettings, iterations: int) -> Any:
    from catboost import CatBoost

    return CatBoost(
        {
            "loss_function": "CrossEntropy",
            "iterations": iterations,
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


def _pool(data: TrainingSet, activity: str, rows: Rows, offset: Floats, weights: Floats) -> Any:
    from catboost import Pool

    counts, exposures = data.outcomes(activity, rows)
    return Pool(
        data.features[rows].to_pandas(),
        label=counts / exposures,
        weight=weights[rows],
        baseline=offset[rows],
        cat_features=list(CATEGORICAL),
    )


def _beats_owner_rate(
    data: TrainingSet, activity: str, predicted: Floats, prior: RatePrior
) -> bool:
    rows = data.rows(activity, VALIDATION)
    counts, exposures = data.outcomes(activity, rows)
    owner_rate = smoothed_rates(data.history[rows], activity, prior)
    return log_loss_per_view(counts, exposures, predicted[rows]) < log_loss_per_view(
        counts, exposures, owner_rate
    )
