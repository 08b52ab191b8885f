"""Which groups of features move the predictions: both stages of the model, added up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from vkflow.modelling.bundles import Bundle
from vkflow.modelling.design import PRESENCE, Design
from vkflow.modelling.features import CATEGORICAL, TEXT_STATISTICS
from vkflow.modelling.metrics import Floats, logits
from vkflow.modelling.owner_rates import smoothed_rates
from vkflow.threads import one_thread

TEXT, STATISTICS, PICTURE, OWNER, CALENDAR = GROUPS = (
    "text", "statistics", "picture", "owner", "calendar",
)  # fmt: skip
DESIGN_GROUPS = {
    "owner": OWNER,
    "history": OWNER,
    "calendar": CALENDAR,
    "category": PICTURE,
    "statistics": STATISTICS,
    "text": TEXT,
    "image": PICTURE,
    "neighbours": TEXT,
    "words": TEXT,
}
OF_OTHERS = (*PRESENCE, "text_image_similarity")
"""The last columns of the statistics, not all of which tell of the style of a text."""


def group_of(feature: str) -> str:
    """The group of a feature of the trees."""
    if feature in ("hour", "weekday", "is_holiday"):
        return CALENDAR
    if feature.startswith("owner_") or feature.endswith("_beside_usual"):
        return OWNER
    if feature in TEXT_STATISTICS or feature in ("has_text", "is_ad"):
        return STATISTICS
    if feature.startswith(("text_", "similar_")) and feature != "text_image_similarity":
        return TEXT
    return PICTURE


def group_contributions(bundle: Bundle, posts: pl.DataFrame, table: pl.DataFrame) -> pl.DataFrame:
    """Mean absolute contribution of each group to the logit, by activity.

    Args:
        bundle: the model.
        posts: rows of ``warehouse.features.selected_features``, not too many.
        table: the features of the same posts.

    Returns:
        activity, group, effect: 0.1 moves a small probability by about a tenth.
    """
    rows = [
        (activity, group, float(np.abs(effect).mean()))
        for activity, groups in post_contributions(bundle, posts, table).items()
        for group, effect in groups.items()
    ]
    schema = {"activity": pl.String, "group": pl.String, "effect": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def post_contributions(
    bundle: Bundle, posts: pl.DataFrame, table: pl.DataFrame
) -> dict[str, dict[str, Floats]]:
    """What each group adds to the logit of each post, less its mean over the posts.

    In the linear stage that is coefficient times value, in the trees the SHAP value (Lundberg et
    al. 2020, From local explanations to global understanding with explainable AI for trees), summed
    over the features of the group. Together they are the logit, less its mean.

    Args:
        bundle: the model.
        posts: rows of ``warehouse.features.selected_features``, at least one.
        table: the features of the same posts.

    Returns:
        float64, shape (posts,), by activity and group.
    """
    return {
        activity: {group: effect - effect.mean() for group, effect in parts.groups.items()}
        for activity, parts in logit_parts(bundle, posts, table).items()
    }


@dataclass(frozen=True)
class LogitParts:
    """What the logits of posts are made of: ``base`` and all groups together are the logit.

    Attributes:
        base: the same for all posts: the intercept, the mean of the trees over what they learnt
            from, and the owner rate's share of an owner without a past.
        groups: by group, float64, shape (posts,); 0 is as in the middle of the training posts.
    """

    base: float
    groups: Mapping[str, Floats]


def logit_parts(bundle: Bundle, posts: pl.DataFrame, table: pl.DataFrame) -> dict[str, LogitParts]:
    """The parts of every model's logits, by activity; see :func:`post_contributions`."""
    matrix = bundle.recipe.design.matrix(posts, table)
    places = design_groups(bundle.recipe.design)
    found, priors = {}, bundle.recipe.features.priors
    for activity, model in bundle.models.items():
        mean, trees = _tree_contributions(model.trees, table)
        usual = model.owner_share * float(logits(np.array(priors[activity].rate)))
        trees[OWNER] += (
            model.owner_share * logits(smoothed_rates(posts, activity, priors[activity])) - usual
        )
        slope, groups = model.calibration.slope, {}
        for group in GROUPS:
            columns = places[group]
            with one_thread():
                linear = (matrix[:, columns] @ model.coefficients[columns]).astype(np.float64)
            groups[group] = slope * (linear + trees[group])
        base = model.calibration.intercept + slope * (float(model.coefficients[0]) + mean + usual)
        found[activity] = LogitParts(base, groups)
    return found


def design_groups(design: Design) -> Mapping[str, np.ndarray]:
    """By group which columns of :meth:`Design.matrix` are its own, bool, shape (columns,)."""
    widths = [
        ("owner", len(design.owners)),
        ("history", len(design.standardisers["history"].mean)),
        ("calendar", 24 + 7),
        ("category", len(design.categories)),
        ("statistics", len(design.standardisers["statistics"].mean) - len(OF_OTHERS)),
        *((group_of(name), 1) for name in OF_OTHERS),
        *(
            (kind, len(design.standardisers[kind].mean))
            for kind in ("text", "image", "neighbours", "words")
            if kind in design.standardisers
        ),
    ]
    groups = np.concatenate(
        [[""], *([DESIGN_GROUPS.get(name, name)] * width for name, width in widths)]
    )
    return {group: np.flatnonzero(groups == group) for group in GROUPS}


def _tree_contributions(trees: Any, table: pl.DataFrame) -> tuple[float, dict[str, Floats]]:
    """What the trees say on average, and what each group of features adds to it."""
    from catboost import Pool

    pool = Pool(table.to_pandas(), cat_features=list(CATEGORICAL))
    found = trees.get_feature_importance(pool, type="ShapValues")
    values, mean = found[:, :-1], float(found[0, -1])
    groups = np.array([group_of(name) for name in table.columns])
    return mean, {group: values[:, groups == group].sum(axis=1) for group in GROUPS}
