"""From a table of features to probabilities."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from vkflow.modelling.features import CATEGORICAL
from vkflow.modelling.metrics import SMALLEST, Floats


def predict_table(models: Mapping[str, Any], table: pl.DataFrame) -> dict[str, Floats]:
    """Probabilities from a table of features, float64, by activity."""
    from catboost import Pool

    pool = Pool(table.to_pandas(), cat_features=list(CATEGORICAL))
    return {
        activity: np.clip(
            model.predict(pool, prediction_type="Probability")[:, 1], SMALLEST, 1 - SMALLEST
        )
        for activity, model in models.items()
    }
