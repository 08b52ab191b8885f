"""How sure a difference between forecasts is: two drafts, or a draft at two hours.

The spread of the difference comes from the replicates of the linear stage (see
``vkflow.modelling.replicates``), which share what the two have in common; the trees, which know the
rest, have none of their own, so a difference counts as evident only where the linear stage says the
same by itself. Replicates tell how unsure the model is of what it has learnt, not what texts and
pictures have that its columns leave out: where these differ, the spread is widened.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from vkflow.modelling.bundles import Bundle
from vkflow.modelling.linear import Matrix
from vkflow.modelling.metrics import Floats, logits
from vkflow.threads import one_thread

LEVEL = 0.95
NORMAL = 1.959964
"""Deviations that hold 95 % of a normal distribution."""
OTHER_CONTENT = 1.5
"""How much wider the spread is between posts that say or show something else: on two sample worlds
95 % intervals held 94 % of such differences with it, and 85 % without."""
SMALLEST = 1e-6
"""On the logit scale: a smaller difference is none."""


@dataclass(frozen=True)
class UncertainLogits:
    """Logits of drafts by one model, and what else they could have been.

    Attributes:
        whole: float64, shape (drafts,).
        linear: the part of the linear stage, shape (drafts,).
        deviations: of the linear part, shape (replicates, drafts).
    """

    whole: Floats
    linear: Floats
    deviations: Floats


@dataclass(frozen=True)
class Contrast:
    """One forecast beside another.

    Attributes:
        activity: its name.
        effect: difference of the logits: 0.1 is a tenth more of a small probability.
        low: lower end of its 95 % interval.
        high: its upper end.
        is_evident: whether the interval leaves out 0, and the linear stage says the same.
    """

    activity: str
    effect: float
    low: float
    high: float
    is_evident: bool


def uncertain_logits(bundle: Bundle, rows: pl.DataFrame) -> dict[str, UncertainLogits]:
    """Logits of drafts by every model that has replicates, by activity.

    Args:
        bundle: the champion.
        rows: what is known of the drafts: ``warehouse.drafts.draft_features``.
    """
    table = bundle.recipe.features.table(rows)
    probabilities = bundle.predict(rows, table)
    matrix = bundle.recipe.design.matrix(rows, table)
    found = {}
    for activity, model in bundle.models.items():
        if model.replicates is not None:
            slope = model.calibration.slope
            linear = slope * _product(model.coefficients[None], matrix)[0]
            deviations = slope * _product(model.replicates, matrix)
            whole = logits(probabilities[activity])
            found[activity] = UncertainLogits(whole, linear, deviations)
    return found


def contrast(
    uncertain: Mapping[str, UncertainLogits], first: int, second: int, *, widened: float = 1.0
) -> list[Contrast]:
    """The second draft beside the first, by activity.

    Args:
        uncertain: from :func:`uncertain_logits`.
        first: its place.
        second: likewise.
        widened: by how much the spread is: ``OTHER_CONTENT`` where text or picture differ.
    """
    found = []
    for activity, each in uncertain.items():
        effect = float(each.whole[second] - each.whole[first])
        linear = float(each.linear[second] - each.linear[first])
        spread = widened * float((each.deviations[:, second] - each.deviations[:, first]).std())
        low, high = effect - NORMAL * spread, effect + NORMAL * spread
        is_clear = abs(effect) > max(NORMAL * spread, SMALLEST) and effect * linear > 0
        found.append(Contrast(activity, effect, low, high, is_clear))
    return found


def against_mean(uncertain: UncertainLogits) -> tuple[Floats, list[bool]]:
    """Drafts beside their mean, and which of them differ from it evidently, all taken together.

    The interval of each is so wide that in 95 % of cases all of them hold what is true (max-t:
    Westfall and Young 1993, Resampling-based multiple testing). The best of many is then no better
    than it seems, as it would be beside the worst.

    Returns:
        Difference of the logit from the mean, shape (drafts,), and whether it is evident.
    """
    effect = uncertain.whole - uncertain.whole.mean()
    linear = uncertain.linear - uncertain.linear.mean()
    deviations = uncertain.deviations - uncertain.deviations.mean(axis=1, keepdims=True)
    spread = np.maximum(deviations.std(axis=0), SMALLEST)
    widest = np.abs(deviations / spread).max(axis=1)
    bound = float(np.quantile(widest, LEVEL, method="higher"))
    is_evident = (np.abs(effect) > bound * spread) & (effect * linear > 0)
    return effect, is_evident.tolist()


def _product(coefficients: Matrix, matrix: Matrix) -> Floats:
    with one_thread():
        return (coefficients @ matrix.T).astype(np.float64)
