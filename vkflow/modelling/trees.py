"""Trees on a table of features."""

from typing import Any

import polars as pl

from vkflow.modelling.features import CATEGORICAL
from vkflow.modelling.metrics import Floats


def tree_logits(trees: Any, table: pl.DataFrame) -> Floats:
    """What the trees add to the logit of the linear stage, float64, shape (posts,)."""
    from catboost import Pool

    pool = Pool(table.to_pandas(), cat_features=list(CATEGORICAL))
    values: Floats = trees.predict(pool, prediction_type="RawFormulaVal")
    return values
