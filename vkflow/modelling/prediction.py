"""From what is known of posts to probabilities."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from vkflow.modelling.linear import linear_logits
from vkflow.modelling.metrics import SMALLEST, Floats, logits, sigmoid
from vkflow.modelling.owner_rates import smoothed_rates
from vkflow.modelling.training import ActivityModel
from vkflow.modelling.training_set import Recipe
from vkflow.modelling.trees import tree_logits


def predict_posts(
    recipe: Recipe,
    models: Mapping[str, ActivityModel],
    posts: pl.DataFrame,
    table: pl.DataFrame | None = None,
) -> dict[str, Floats]:
    """Probabilities of every activity with a known rate, by name.

    Args:
        recipe: how posts become features.
        models: by activity; one without is predicted by its smoothed owner rate.
        posts: rows of ``warehouse.features.selected_features``.
        table: features of the same posts, where they are known already.

    Returns:
        float64 in (0, 1), shape (posts,), by activity.
    """
    predicted = {
        activity: smoothed_rates(posts, activity, prior)
        for activity, prior in recipe.features.priors.items()
    }
    if table is None:
        table = recipe.features.table(posts)
    design = recipe.design.matrix(posts, table)
    linear = linear_logits(design, {name: model.coefficients for name, model in models.items()})
    for activity, model in models.items():
        logit = linear[activity] + tree_logits(model.trees, table)
        logit += model.owner_share * logits(predicted[activity])
        predicted[activity] = sigmoid(model.calibration.apply(logit))
    return {name: np.clip(p, SMALLEST, 1 - SMALLEST) for name, p in predicted.items()}
