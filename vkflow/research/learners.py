"""What the variants of an experiment share: tables, targets, and CatBoost around them."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.features import CATEGORICAL
from vkflow.modelling.metrics import Floats
from vkflow.modelling.splits import TRAIN
from vkflow.modelling.training_set import Rows, TrainingSet
from vkflow.modelling.trees import common_parameters
from vkflow.modelling.weights import effective_sample_sizes, intraclass_correlation
from vkflow.settings.sections import TrainingSettings


def tree_parameters(settings: TrainingSettings, *, loss_function: str) -> dict[str, object]:
    """Trees that stand alone learn faster than those that follow a linear stage."""
    return common_parameters(settings) | {
        "loss_function": loss_function,
        "iterations": settings.iterations,
        "learning_rate": 0.05,
        "depth": 4,
        "l2_leaf_reg": 9,
    }


def tree_pool(
    table: pl.DataFrame,
    columns: list[str],
    rows: Rows,
    label: Floats,
    weight: Floats | None = None,
    categorical: tuple[str, ...] = CATEGORICAL,
) -> Any:
    """A CatBoost pool of some columns and rows of the table of features.

    Label and weight have shape (rows,).
    """
    from catboost import Pool

    return Pool(
        table.select(columns)[rows].to_pandas(),
        label=label,
        weight=weight,
        cat_features=[name for name in categorical if name in columns],
    )


def tree_predictions(model: Any, table: pl.DataFrame, columns: list[str]) -> Floats:
    """Logits of a CatBoost model for all posts, shape (posts,), or (posts, activities)."""
    values: Floats = model.predict(
        tree_pool(table, columns, np.arange(len(table)), np.zeros(len(table))),
        prediction_type="RawFormulaVal",
    )
    return values


def observed_rates(data: TrainingSet, activity: str, rows: Rows) -> Floats:
    """Activities per view of posts, shape (rows,)."""
    counts, exposures = data.outcomes(activity, rows)
    rates: Floats = counts / exposures
    return rates


def soft_targets(data: TrainingSet, activity: str, rows: Rows) -> tuple[Floats, Floats]:
    """Observed rates and effective sample sizes, each shape (rows,)."""
    correlation = intraclass_correlation(*data.outcomes(activity, data.rows(activity, TRAIN)))
    counts, exposures = data.outcomes(activity, rows)
    return counts / exposures, effective_sample_sizes(exposures, correlation)


def standardised_table(table: pl.DataFrame, split: pl.Series) -> NDArray[np.float64]:
    """Numeric features with mean 0 and deviation 1 on the training posts, categories as columns.

    Returns:
        float64, shape (posts, columns).
    """
    dummies = table.select(CATEGORICAL).to_dummies()
    values = pl.concat([table.drop(CATEGORICAL), dummies], how="horizontal").to_numpy()
    training = values[(split == TRAIN).to_numpy()].astype(np.float64)
    mean, deviation = np.nanmean(training, axis=0), np.nanstd(training, axis=0)
    standard = (values - np.nan_to_num(mean)) / np.where(deviation > 0, deviation, 1)
    bounded: NDArray[np.float64] = np.nan_to_num(np.clip(standard, -10, 10))
    return bounded


def smoothed_logits(data: TrainingSet, activity: str, rows: Rows) -> Floats:
    """Empirical logits, log((k + 1/2) / (n - k + 1/2)): finite also where nothing happened.

    Haldane (1956), Annals of Human Genetics 20. Shape (rows,).
    """
    counts, exposures = data.outcomes(activity, rows)
    empirical: Floats = np.log((counts + 0.5) / (exposures - counts + 0.5))
    return empirical


def log_ratio(data: TrainingSet, activity: str, rows: Rows) -> Floats:
    """log(count + 1) / log(views + 1), which is no probability; shape (rows,)."""
    counts, exposures = data.outcomes(activity, rows)
    return np.log1p(counts) / np.log1p(exposures)


def typical_views(data: TrainingSet, activity: str) -> float:
    """Geometric mean of the training posts' views."""
    _, exposures = data.outcomes(activity, data.rows(activity, TRAIN))
    return float(np.exp(np.log(exposures).mean()))


def rate_from_log_ratio(ratio: Floats, views: float) -> Floats:
    """The rate of a post with typical views whose log ratio this is; shape (posts,), as given."""
    counts = np.expm1(np.clip(ratio, 0, 1) * np.log1p(views))
    rates: Floats = np.clip(counts / views, 1e-7, 0.999)
    return rates
