"""Search for better parameters of the trees, by Optuna's tree-structured Parzen estimator.

Bergstra et al. (2011), Algorithms for Hyper-Parameter Optimization, NIPS 24. Trials are compared
on the validation window; the test window is left for one judgement of what was found.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vkflow.modelling.linear_stage import LinearStage, fit_linear_stage
from vkflow.modelling.metrics import log_loss_per_view
from vkflow.modelling.splits import VALIDATION
from vkflow.modelling.training import calibrate
from vkflow.modelling.trees import fit_trees, make_learners
from vkflow.research.variants import PRODUCT, VARIANTS, ExperimentSetup, Variant
from vkflow.settings.sections import TrainingSettings
from vkflow.threads import n_threads

if TYPE_CHECKING:
    import optuna

TUNED = "product, tuned"
SEARCHED = ("learning_rate", "depth", "l2_leaf_reg", "feature_share")

Parameters = Mapping[str, float]


@dataclass(frozen=True)
class Trial:
    """One set of parameters, and its mean gain over the global rate on the validation window."""

    parameters: Parameters
    gain: float
    seconds: float


def search_parameters(
    setup: ExperimentSetup, *, seconds: float, on_trial: Callable[[Trial], None]
) -> list[Trial]:
    """Try parameters until the time is over; the ones in use are the first trial.

    The trial that is running when the time is over is finished.

    Args:
        setup: posts, split, and the parameters in use. Its seed starts the search.
        seconds: when to stop.
        on_trial: called after each trial.

    Returns:
        The trials in the order they were made, at least one.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    stage = fit_linear_stage(
        setup.data, setup.recipe, setup.settings.min_posts, n_threads(setup.settings.threads)
    )
    sampler = optuna.samplers.TPESampler(seed=setup.settings.seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.enqueue_trial({name: getattr(setup.settings, name) for name in SEARCHED})
    trials: list[Trial] = []

    def remember(_study: "optuna.Study", done: "optuna.trial.FrozenTrial") -> None:
        duration = done.duration.total_seconds() if done.duration else 0.0
        trials.append(Trial(done.params, float(done.values[0]), duration))
        on_trial(trials[-1])

    study.optimize(
        lambda trial: _mean_gain(setup, stage, with_parameters(setup.settings, _draw(trial))),
        timeout=seconds,
        callbacks=[remember],
    )
    return trials


def best_trial(trials: list[Trial]) -> Trial:
    """The trial with the largest gain, the earliest one of equals."""
    return max(trials, key=lambda trial: trial.gain)


def with_parameters(settings: TrainingSettings, parameters: Parameters) -> TrainingSettings:
    """Settings with these parameters of the trees in place of their own."""
    return settings.model_copy(update=dict(parameters))


def side_by_side(parameters: Parameters) -> list[Variant]:
    """The product as it is and with these parameters, to be judged side by side."""
    (product,) = (variant for variant in VARIANTS if variant.name == PRODUCT)

    def fit_tuned(setup: ExperimentSetup) -> Callable[[], dict[str, np.ndarray]]:
        return product.fit(replace(setup, settings=with_parameters(setup.settings, parameters)))

    return [product, Variant(TUNED, fit_tuned)]


def _draw(trial: "optuna.Trial") -> Parameters:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.2, log=True),
        "depth": trial.suggest_int("depth", 1, 8),
        "l2_leaf_reg": trial.suggest_float("l2_leaf_reg", 1.0, 300.0, log=True),
        "feature_share": trial.suggest_float("feature_share", 0.05, 1.0, log=True),
    }


def _mean_gain(setup: ExperimentSetup, stage: LinearStage, settings: TrainingSettings) -> float:
    gains = [_gain(setup, activity, stage, settings) for activity in stage.fits]
    return float(np.mean(gains))


def _gain(
    setup: ExperimentSetup, activity: str, stage: LinearStage, settings: TrainingSettings
) -> float:
    data, prior = setup.data, setup.recipe.features.priors[activity]
    learners = make_learners(data, activity, stage, prior, settings)
    trees = fit_trees(data, activity, learners, settings)
    _, predicted = calibrate(data, activity, stage, learners, trees)
    rows = data.rows(activity, VALIDATION)
    counts, exposures = data.outcomes(activity, rows)
    rate = np.full(len(rows), prior.rate)
    baseline = log_loss_per_view(counts, exposures, rate)
    return 1 - log_loss_per_view(counts, exposures, predicted[rows]) / baseline
