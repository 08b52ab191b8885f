"""What people would use instead: TF-IDF of words, the owner's rate, and a boosting library.

The usual script, but with histories as of each post's publication and a test window that nothing
is chosen on: a fair baseline knows no future either. Of two sizes of trees the validation window
takes the better one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.errors import MissingModelError
from vkflow.modelling.metrics import Floats, log_loss_per_view, sigmoid
from vkflow.modelling.splits import TRAIN, VALIDATION
from vkflow.research.learners import tree_parameters, tree_pool, tree_predictions
from vkflow.research.variants import CALENDAR, TEXT_COUNTS, ExperimentSetup, Predictions, Variant

MAX_CHARACTERS = 10_000
MAX_WORDS = 200_000
COMPONENTS = 64
WEIGHT_POWER = 0.65
"""Views to this power, up to their 99th percentile, weigh a post: best of some on real walls."""
DEPTHS = (4, 6)
LEAVES = (8, 31)

Fitted = Callable[[], Floats]
"""Logits of all posts."""
Fit = Callable[[ExperimentSetup, pl.DataFrame, str, int], Fitted]


def _fitted_by(
    fit: Fit, sizes: tuple[int, ...]
) -> Callable[[ExperimentSetup], Callable[[], Predictions]]:
    """Fit every size of trees for each activity, and keep the one best on the validation window."""

    def fit_all(setup: ExperimentSetup) -> Callable[[], Predictions]:
        table = words_table(setup)
        chosen = {
            activity: min(
                (fit(setup, table, activity, size) for size in sizes),
                key=lambda fitted: _validation_loss(setup, activity, fitted),
            )
            for activity in setup.activities
        }
        return lambda: {activity: sigmoid(fitted()) for activity, fitted in chosen.items()}

    return fit_all


def words_table(setup: ExperimentSetup) -> pl.DataFrame:
    """TF-IDF of one and two words, reduced; owner rates, counts of the text, the calendar.

    Raises:
        MissingModelError: there is not a word to learn from.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    data = setup.data
    texts = setup.texts.str.slice(0, MAX_CHARACTERS)
    training = texts.filter(data.keys["split"] == TRAIN)
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), min_df=3, max_features=MAX_WORDS, sublinear_tf=True, dtype=np.float32
    )
    try:
        vectorizer.fit(training.to_list())
    except ValueError as error:
        raise MissingModelError(f"there are no words to learn from: {error}") from error
    words = vectorizer.transform(texts.to_list())
    if words.shape[1] < 2:
        raise MissingModelError("there are no words to learn from: all posts say the same")
    components = min(COMPONENTS, words.shape[1] - 1)
    reduced = TruncatedSVD(components, random_state=setup.settings.seed)
    reduced.fit(words[(data.keys["split"] == TRAIN).to_numpy()])
    vectors = pl.DataFrame(
        reduced.transform(words).astype(np.float32),
        schema=[f"words_{number:02d}" for number in range(components)],
    )
    known = data.features.select(pl.col(*TEXT_COUNTS, *CALENDAR, "^owner_.*$"))
    return known.hstack(vectors)


def _fit_catboost(setup: ExperimentSetup, table: pl.DataFrame, activity: str, depth: int) -> Fitted:
    from catboost import CatBoost

    parameters = tree_parameters(setup.settings, loss_function="CrossEntropy") | {"depth": depth}
    pools = [
        tree_pool(table, table.columns, *_targets(setup, activity, split))
        for split in (TRAIN, VALIDATION)
    ]
    rounds = setup.settings.early_stopping_rounds
    model = CatBoost(parameters).fit(pools[0], eval_set=pools[1], early_stopping_rounds=rounds)
    return lambda: tree_predictions(model, table, table.columns)


def _fit_lightgbm(
    setup: ExperimentSetup, table: pl.DataFrame, activity: str, leaves: int
) -> Fitted:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingModelError("pip install 'vkflow[baselines]' brings LightGBM") from error
    values = table.to_numpy()
    parameters: dict[str, Any] = {
        "objective": "cross_entropy",
        "num_leaves": leaves,
        "learning_rate": 0.06,
        "feature_fraction": 0.3,
        "seed": setup.settings.seed,
        "num_threads": max(setup.settings.threads, 0),
        "deterministic": True,
        "verbosity": -1,
    }
    sets = []
    for split in (TRAIN, VALIDATION):
        rows, rates, weights = _targets(setup, activity, split)
        sets.append(lightgbm.Dataset(values[rows], rates, weight=weights))
    booster = lightgbm.train(
        parameters,
        sets[0],
        setup.settings.iterations,
        valid_sets=[sets[1]],
        callbacks=[lightgbm.early_stopping(setup.settings.early_stopping_rounds, verbose=False)],
    )
    return lambda: np.asarray(booster.predict(values, raw_score=True), dtype=np.float64)


def _targets(
    setup: ExperimentSetup, activity: str, split: str
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Positions, rates and weights of the posts of a split."""
    rows = setup.data.rows(activity, split)
    counts, views = setup.data.outcomes(activity, rows)
    weights = np.minimum(views, np.quantile(views, 0.99)) ** WEIGHT_POWER
    return rows, counts / views, weights


def _validation_loss(setup: ExperimentSetup, activity: str, fitted: Fitted) -> float:
    rows = setup.data.rows(activity, VALIDATION)
    counts, views = setup.data.outcomes(activity, rows)
    return log_loss_per_view(counts, views, sigmoid(fitted()[rows]))


TEXT_BASELINES = (
    Variant("TF-IDF and CatBoost", _fitted_by(_fit_catboost, DEPTHS)),
    Variant("TF-IDF and LightGBM", _fitted_by(_fit_lightgbm, LEAVES)),
)
