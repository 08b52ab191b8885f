"""The variants an experiment compares on the same split. A new one is one small function."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from vkflow.modelling.features import TEXT_COMPONENTS, TEXT_STATISTICS
from vkflow.modelling.metrics import Floats, sigmoid
from vkflow.modelling.owner_rates import smoothed_rates
from vkflow.modelling.prediction import predict_posts
from vkflow.modelling.splits import TEST, TRAIN, VALIDATION
from vkflow.modelling.training import train
from vkflow.modelling.training_set import Recipe, Rows, TrainingSet
from vkflow.research.learners import (
    log_ratio,
    observed_rates,
    rate_from_log_ratio,
    smoothed_logits,
    soft_targets,
    standardised_table,
    tree_parameters,
    tree_pool,
    tree_predictions,
    typical_views,
)
from vkflow.settings.sections import TrainingSettings

Predictions = dict[str, Floats]
"""Probabilities of all posts by activity; only those of the test window are looked at."""
PRODUCT = "product"


@dataclass(frozen=True)
class ExperimentSetup:
    """What every variant gets: the same posts, the same split.

    Attributes:
        data: the training set.
        recipe: its recipe.
        settings: parameters of the trees.
        activities: those that can be judged.
        texts: of the posts, as they were first seen; empty ones where there is none.
    """

    data: TrainingSet
    recipe: Recipe
    settings: TrainingSettings
    activities: tuple[str, ...]
    texts: pl.Series


@dataclass(frozen=True)
class Variant:
    """A way to predict; ``fit`` returns a function that predicts all posts."""

    name: str
    fit: Callable[[ExperimentSetup], Callable[[], Predictions]]


def _global_rate(setup: ExperimentSetup) -> Callable[[], Predictions]:
    priors, n_posts = setup.recipe.features.priors, len(setup.data.keys)
    return lambda: {name: np.full(n_posts, priors[name].rate) for name in setup.activities}


def _owner_rate(setup: ExperimentSetup) -> Callable[[], Predictions]:
    priors, history = setup.recipe.features.priors, setup.data.history
    return lambda: {a: smoothed_rates(history, a, priors[a]) for a in setup.activities}


def _product(setup: ExperimentSetup) -> Callable[[], Predictions]:
    """The product itself: linear stage on everything, trees on what it leaves."""
    data, recipe = setup.data, setup.recipe
    trained = train(data, recipe, setup.settings, lambda activity: None)

    def predict() -> Predictions:
        # The final models have learnt from the test window, once it had judged these.
        chunks = [predict_posts(recipe, trained.judged, posts) for posts in data.read_posts()]
        return {a: np.concatenate([chunk[a] for chunk in chunks]) for a in setup.activities}

    return predict


def _trees_on(*patterns: str) -> Callable[[ExperimentSetup], Callable[[], Predictions]]:
    """CatBoost with CrossEntropy per activity, on the features of some groups alone."""

    def fit(setup: ExperimentSetup) -> Callable[[], Predictions]:
        columns = setup.data.features.select(pl.col(*patterns)).columns
        models = {name: _fit_trees(setup, name, columns) for name in setup.activities}
        return lambda: {
            name: sigmoid(tree_predictions(model, setup.data.features, columns))
            for name, model in models.items()
        }

    return fit


TEXT_COUNTS = (*TEXT_STATISTICS, "has_text")
BOTH = ("text_image_similarity",)
TEXT = (*TEXT_COUNTS, TEXT_COMPONENTS)
PICTURE = ("has_image", "image_category", r"^image_\d+$", "^score_.*$")
CALENDAR = ("hour", "weekday", "is_holiday")
HISTORY = ("^owner_.*$", "^.*_beside_usual$", "^similar_.*$")


def _fit_trees(setup: ExperimentSetup, activity: str, columns: list[str]) -> Any:
    from catboost import CatBoost

    model = CatBoost(tree_parameters(setup.settings, loss_function="CrossEntropy"))
    parts = [
        tree_pool(setup.data.features, columns, rows, *soft_targets(setup.data, activity, rows))
        for rows in (setup.data.rows(activity, TRAIN), setup.data.rows(activity, VALIDATION))
    ]
    rounds = setup.settings.early_stopping_rounds
    return model.fit(parts[0], eval_set=parts[1], early_stopping_rounds=rounds)


Targets = Callable[[TrainingSet, str, Rows], Floats]


def _multi(loss: str, targets: Targets) -> Callable[[ExperimentSetup], Callable[[], Predictions]]:
    """One CatBoost model for all activities together, on all features."""

    def fit(setup: ExperimentSetup) -> Callable[[], Predictions]:
        from catboost import CatBoost

        data, columns = setup.data, setup.data.features.columns
        model = CatBoost(tree_parameters(setup.settings, loss_function=loss))
        pools = []
        for split in (TRAIN, VALIDATION):
            rows = _common_rows(setup, split)
            wanted = np.stack([targets(data, a, rows) for a in setup.activities], axis=1)
            pools.append(tree_pool(data.features, columns, rows, wanted))
        rounds = setup.settings.early_stopping_rounds
        model.fit(pools[0], eval_set=pools[1], early_stopping_rounds=rounds)
        return lambda: _by_activity(setup, sigmoid(tree_predictions(model, data.features, columns)))

    return fit


def _linear(setup: ExperimentSetup) -> Callable[[], Predictions]:
    """Logistic regression (scikit-learn) per activity on the standardised table of features."""
    from sklearn.linear_model import LogisticRegression

    data = setup.data
    design = standardised_table(data.features, data.keys["split"])
    models: dict[str, Any] = {}
    for name in setup.activities:
        rows = data.rows(name, TRAIN)
        rates, weights = soft_targets(data, name, rows)
        models[name] = LogisticRegression(C=0.1, max_iter=300).fit(
            np.tile(design[rows], (2, 1)),
            np.repeat([1, 0], len(rows)),
            sample_weight=np.concatenate([weights * rates, weights * (1 - rates)]),
        )
    return lambda: {name: model.predict_proba(design)[:, 1] for name, model in models.items()}


def _first_attempt(setup: ExperimentSetup) -> Callable[[], Predictions]:
    """The recipe of the project's first attempt, made leak-free.

    MultiRMSE on log(count + 1) / log(views + 1), 1,000 iterations, depth 5, learning rate 0.2, L2
    of 9, stopping after 5 rounds; text statistics, vectors and the picture category as an ordinal
    number. Its targets are turned back into rates, and the validation window stops it.
    """
    from catboost import CatBoost

    data = setup.data
    columns = data.features.select(pl.col(*TEXT, *PICTURE)).columns
    ordinal = pl.col("image_category").rank("dense").cast(pl.Float32)
    table = data.features.with_columns(ordinal)
    parameters = tree_parameters(setup.settings, loss_function="MultiRMSE") | {
        "iterations": 1_000, "depth": 5, "learning_rate": 0.2, "l2_leaf_reg": 9, "rsm": 1,
    }  # fmt: skip
    model = CatBoost(parameters)
    pools = []
    for split in (TRAIN, VALIDATION):
        rows = _common_rows(setup, split)
        targets = np.stack([log_ratio(data, a, rows) for a in setup.activities], axis=1)
        pools.append(tree_pool(table, columns, rows, targets, categorical=()))
    model.fit(pools[0], eval_set=pools[1], early_stopping_rounds=5)

    def predict() -> Predictions:
        ratios = np.asarray(model.predict(table.select(columns).to_pandas()))
        return {
            name: rate_from_log_ratio(ratios[:, place], typical_views(data, name))
            for place, name in enumerate(setup.activities)
        }

    return predict


VARIANTS = (
    Variant("global rate", _global_rate),
    Variant("owner rate", _owner_rate),
    Variant("text statistics", _trees_on(*TEXT_COUNTS)),
    Variant("text", _trees_on(*TEXT)),
    Variant("picture", _trees_on(*PICTURE)),
    Variant("text and picture", _trees_on(*TEXT, *PICTURE, *BOTH, *CALENDAR)),
    Variant(PRODUCT, _product),
    Variant("trees alone", _trees_on(*TEXT, *PICTURE, *BOTH, *CALENDAR, *HISTORY, "is_ad")),
    Variant("MultiCrossEntropy", _multi("MultiCrossEntropy", observed_rates)),
    Variant("MultiRMSE on logits", _multi("MultiRMSE", smoothed_logits)),
    Variant("logistic regression", _linear),
    Variant("first attempt, leak-free", _first_attempt),
)


def _common_rows(setup: ExperimentSetup, split: str) -> Rows:
    """Posts of which every activity is known: a model for all of them can learn from no others."""
    known = [set(setup.data.rows(name, split).tolist()) for name in setup.activities]
    return np.array(sorted(set.intersection(*known)), dtype=np.int64)


def _by_activity(setup: ExperimentSetup, values: Floats) -> Predictions:
    return {name: values[:, place] for place, name in enumerate(setup.activities)}


def judged_activities(data: TrainingSet, priors: Mapping[str, object]) -> tuple[str, ...]:
    """Activities with labelled posts in every split."""
    splits = (TRAIN, VALIDATION, TEST)
    return tuple(name for name in priors if all(len(data.rows(name, split)) for split in splits))
