"""Trees on a table of features: two learners, added up to one model.

The first learns what the linear stage leaves, and counts a post as what it teaches (see
:func:`vkflow.modelling.weights.information`). The second knows only the owner's rate to begin with,
and counts a post nearly as the measure does, by its views. Where the two disagree, their mean is
nearer to what comes (Wolpert 1992, Stacked generalization).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from vkflow.modelling.features import CATEGORICAL
from vkflow.modelling.linear_stage import LEARNT, LinearStage
from vkflow.modelling.metrics import Floats, logits, sigmoid
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.splits import TRAIN, VALIDATION
from vkflow.modelling.training_set import Rows, TrainingSet
from vkflow.modelling.weights import information
from vkflow.settings.sections import TrainingSettings

OWNER_SHARE = 0.2
"""Of the second learner in the logit. Measured on real walls and sample worlds: from 0.15 to 0.35
it gains, and less where an activity is rare; a share chosen on the validation window is worse."""
OWNER_LEARNING_RATE = 0.2
"""Step of a tree of the second learner. With the first one's smaller step it needs several times
the trees, and is no better."""
VIEWS_POWER, VIEWS_CAP = 0.65, 0.99
"""The second learner's weights are views to this power, up to this quantile of training posts'."""
BORDERS = 64
"""Values at which a feature is split at most; with 254 a fit takes twice the time, and is no
better."""


@dataclass(frozen=True)
class Learner:
    """What trees start from, and how much of each post they believe.

    Attributes:
        share: of the learner in the logit.
        learning_rate: step of a tree.
        offset: logits to start from, float64, shape (posts,).
        weights: of posts, float64, shape (posts,); NaN where the outcome is unknown.
    """

    share: float
    learning_rate: float
    offset: Floats
    weights: Floats


@dataclass(frozen=True)
class Trees:
    """Both learners' trees in one model of CatBoost, and how many each has."""

    model: Any
    sizes: tuple[int, ...]


def make_learners(
    data: TrainingSet,
    activity: str,
    stage: LinearStage,
    prior: RatePrior,
    settings: TrainingSettings,
) -> tuple[Learner, Learner]:
    """The two learners of an activity.

    Args:
        data: the posts.
        activity: its name.
        stage: with the activity's linear fit.
        prior: of the owners' rates.
        settings: with the first learner's step.
    """
    offset, views = stage.offsets[activity], data.exposures[activity]
    by_information = information(views, sigmoid(offset), stage.variances[activity])
    most = np.quantile(views[data.rows(activity, TRAIN)], VIEWS_CAP)
    by_views = np.minimum(views, most) ** VIEWS_POWER
    owner = logits(smoothed_rates(data.history, activity, prior))
    return (
        Learner(1 - OWNER_SHARE, settings.learning_rate, offset, by_information),
        Learner(OWNER_SHARE, OWNER_LEARNING_RATE, owner, by_views),
    )


def fit_trees(
    data: TrainingSet, activity: str, learners: tuple[Learner, ...], settings: TrainingSettings
) -> Trees:
    """Learn from the training posts, until the validation window gains no more."""
    fitted = [
        _booster(settings, learner, settings.iterations).fit(
            _pool(data, activity, data.rows(activity, TRAIN), learner),
            eval_set=_pool(data, activity, data.rows(activity, VALIDATION), learner),
            early_stopping_rounds=settings.early_stopping_rounds,
        )
        for learner in learners
    ]
    return _together(fitted, learners)


def refit_trees(
    data: TrainingSet,
    activity: str,
    learners: tuple[Learner, ...],
    settings: TrainingSettings,
    sizes: tuple[int, ...],
) -> Trees:
    """Learn from every labelled post, as many trees as are known to be right."""
    rows = data.rows(activity, *LEARNT)
    fitted = [
        _booster(settings, learner, size).fit(_pool(data, activity, rows, learner))
        for learner, size in zip(learners, sizes, strict=True)
    ]
    return _together(fitted, learners)


def offset_of(learners: tuple[Learner, ...]) -> Floats:
    """What the learners start from, taken together: logits, float64, shape (posts,)."""
    total: Floats = np.sum([learner.share * learner.offset for learner in learners], axis=0)
    return total


def tree_logits(trees: Any, table: pl.DataFrame) -> Floats:
    """What a model's trees add to the logit, float64, shape (posts,)."""
    from catboost import Pool

    pool = Pool(table.to_pandas(), cat_features=list(CATEGORICAL))
    values: Floats = trees.predict(pool, prediction_type="RawFormulaVal")
    return values


def common_parameters(settings: TrainingSettings) -> dict[str, object]:
    """What all models of CatBoost here are told.

    Measured on sample posts: ordered boosting and category statistics cost five times the time and
    lose against plain boosting with one column per category.
    """
    return {
        "rsm": settings.feature_share,
        "boosting_type": "Plain",
        "one_hot_max_size": 255,
        "random_seed": settings.seed,
        "thread_count": settings.threads,
        "allow_writing_files": False,
        "logging_level": "Silent",
    }


def _together(fitted: list[Any], learners: tuple[Learner, ...]) -> Trees:
    from catboost import sum_models

    model = sum_models(fitted, weights=[learner.share for learner in learners])
    return Trees(model, tuple(each.tree_count_ for each in fitted))


def _booster(settings: TrainingSettings, learner: Learner, iterations: int) -> Any:
    from catboost import CatBoost

    of_its_own = {
        "loss_function": "CrossEntropy",
        "iterations": iterations,
        "learning_rate": learner.learning_rate,
        "depth": settings.depth,
        "l2_leaf_reg": settings.l2_leaf_reg,
        "border_count": BORDERS,
    }
    return CatBoost(common_parameters(settings) | of_its_own)


def _pool(data: TrainingSet, activity: str, rows: Rows, learner: Learner) -> Any:
    from catboost import Pool

    counts, exposures = data.outcomes(activity, rows)
    return Pool(
        data.features[rows].to_pandas(),
        label=counts / exposures,
        weight=learner.weights[rows],
        baseline=learner.offset[rows],
        cat_features=list(CATEGORICAL),
    )
