"""Training: per activity a linear stage, and trees beside it, by CrossEntropy on rates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vkflow.modelling.calibration import IDENTITY, Calibration, fit_calibration
from vkflow.modelling.linear import Matrix
from vkflow.modelling.linear_stage import LinearStage, fit_linear_stage
from vkflow.modelling.metrics import Floats, log_loss_per_view, sigmoid
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.splits import TEST, VALIDATION
from vkflow.modelling.training_set import Recipe, TrainingSet
from vkflow.modelling.trees import (
    OWNER_SHARE,
    Learner,
    Trees,
    fit_trees,
    make_learners,
    offset_of,
    refit_trees,
    tree_logits,
)
from vkflow.modelling.weights import capped_views
from vkflow.settings.sections import TrainingSettings
from vkflow.threads import map_threads, n_threads

SMALL = 100_000
"""Up to so many posts activities are trained beside one another, each on one thread: so few do not
keep several threads of CatBoost busy. More would fill the memory."""


@dataclass(frozen=True)
class ActivityModel:
    """The model of one activity: sigmoid(calibration(linear + owner_share * owner rate + trees)).

    The owner rate is a logit there, too.

    Attributes:
        coefficients: of the linear stage, less the owner rate's share of each, float32, shape
            (columns of the design,).
        trees: a CatBoost model of what is left of the logit.
        calibration: applied to the sum.
        variance: relative variance of rates around what is expected of them, as estimated.
        penalty: of the linear stage, as chosen.
        owner_share: of the owner rate in the logit; 0 in a bundle of an earlier version.
        replicates: deviations of what else the linear stage's coefficients could have been,
            float32, shape (replicates, columns); ``None`` in a bundle of an earlier version.
    """

    coefficients: Matrix
    trees: Any
    calibration: Calibration
    variance: float
    penalty: float
    owner_share: float = 0.0
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
        prior = recipe.features.priors[name]
        learners = make_learners(data, name, stage, prior, trees)
        fitted = fit_trees(data, name, learners, trees)
        model, predicted = calibrate(data, name, stage, learners, fitted)
        if not _beats_owner_rate(data, name, predicted, prior):
            return None
        refitted = refit_trees(data, name, learners, trees, fitted.sizes)
        return _finished(name, stage, refitted, model), model, predicted

    for name in reasons:
        on_progress(name)
    for name, learnt in map_threads(learn, stage.fits, beside):
        on_progress(name)
        if learnt is None:
            reasons[name] = "the model does not beat the owner's rate on the validation window"
        else:
            models[name], judged[name], predictions[name] = learnt
    return Trained(models, judged, reasons, predictions)


def calibrate(
    data: TrainingSet,
    activity: str,
    stage: LinearStage,
    learners: tuple[Learner, ...],
    trees: Trees,
) -> tuple[ActivityModel, Floats]:
    """Put an activity's model together, and calibrate where it helps; the test window is not seen.

    Returns:
        The model, and its probabilities of all posts, shape (posts,), NaN for training posts.
    """
    held_out = data.rows(activity, VALIDATION, TEST)
    logits = np.full(len(data.keys), np.nan)
    logits[held_out] = offset_of(learners)[held_out]
    logits[held_out] += tree_logits(trees.model, data.features[held_out])
    calibration, linear = _fit_calibration(data, activity, logits), stage.fits[activity]
    model = ActivityModel(
        _shared(linear.judged),
        trees.model,
        calibration,
        stage.variances[activity],
        linear.penalty,
        OWNER_SHARE,
    )
    return model, sigmoid(calibration.apply(logits))


def _finished(
    activity: str, stage: LinearStage, trees: Trees, judged: ActivityModel
) -> ActivityModel:
    """The judged model, learnt from every labelled post.

    The newest posts, which judged it, tell most of what comes next.
    """
    return replace(
        judged,
        coefficients=_shared(stage.fits[activity].final),
        trees=trees.model,
        replicates=stage.replicates[activity],
    )


def _shared(coefficients: Matrix) -> Matrix:
    """The linear stage's part of the logit, beside the owner rate's."""
    return np.float32(1 - OWNER_SHARE) * coefficients


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


def _beats_owner_rate(
    data: TrainingSet, activity: str, predicted: Floats, prior: RatePrior
) -> bool:
    rows = data.rows(activity, VALIDATION)
    counts, exposures = data.outcomes(activity, rows)
    owner_rate = smoothed_rates(data.history[rows], activity, prior)
    return log_loss_per_view(counts, exposures, predicted[rows]) < log_loss_per_view(
        counts, exposures, owner_rate
    )
