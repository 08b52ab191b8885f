"""What is to be expected of drafts: probabilities, intervals, ranks, and what carries them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.drafts.draft import Draft
from vkflow.drafts.levers import OpenLever, open_levers
from vkflow.insights.contributions import LogitParts, logit_parts
from vkflow.modelling.bundles import Bundle
from vkflow.modelling.metrics import SMALLEST, Floats
from vkflow.modelling.owner_rates import smoothed_rates
from vkflow.modelling.spreads import Spread, expected_views

LAST_POSTS = 20
"""Posts of the owner a draft is ranked among."""


@dataclass(frozen=True)
class Parts:
    """What a logit is made of: ``base`` and all ``groups`` together are the logit.

    Attributes:
        base: the same for every draft.
        groups: owner, calendar (time), text, picture, statistics (style).
    """

    base: float
    groups: Mapping[str, float]


@dataclass(frozen=True)
class ActivityForecast:
    """What is to be expected of one draft and activity.

    Attributes:
        activity: its name.
        probability: that one view turns into it.
        low: lower end of the interval that holds the observed rates of 90 % of such posts; ``None``
            where the bundle does not tell.
        high: its upper end.
        usual: the owner's smoothed rate so far.
        rank: place among the owner's last posts by what was forecast of them, 1 has the highest
            probability; ``None`` without any.
        n_ranked: of how many, the draft included.
        predicted_by: ``model`` or ``owner rate``.
        parts: ``None`` where there is no model.
    """

    activity: str
    probability: float
    low: float | None
    high: float | None
    usual: float
    rank: int | None
    n_ranked: int
    predicted_by: str
    parts: Parts | None


@dataclass(frozen=True)
class Forecast:
    """What is to be expected of one draft.

    Attributes:
        draft: the draft.
        as_of: the moment the forecast stands at, UTC.
        model_version: whose it is.
        activities: in the order of ``ACTIVITY_NAMES``.
        levers: what it could do better, strongest first.
    """

    draft: Draft
    as_of: datetime
    model_version: str
    activities: tuple[ActivityForecast, ...]
    levers: tuple[OpenLever, ...] = ()

    def of(self, activity: str) -> ActivityForecast:
        """The forecast of one activity.

        Raises:
            KeyError: it is not predicted.
        """
        found = {each.activity: each for each in self.activities}
        return found[activity]


def forecast_drafts(
    bundle: Bundle,
    drafts: Sequence[Draft],
    rows: pl.DataFrame,
    recent: Mapping[int, pl.DataFrame],
    insights: pl.DataFrame,
    as_of: datetime,
) -> list[Forecast]:
    """Forecast drafts.

    Args:
        bundle: the champion.
        drafts: at least one.
        rows: what is known of them, in their order: ``warehouse.drafts.draft_features``.
        recent: by owner activity and probability of the last posts: ``read_recent_posts``.
        insights: the newest advice.
        as_of: the moment the forecast stands at.
    """
    recipe = bundle.recipe.features
    levers = open_levers(insights, rows, recipe.time_zone, recipe.owner_time_zones)
    table = bundle.recipe.features.table(rows)
    probabilities, parts = bundle.predict(rows, table), logit_parts(bundle, rows, table)
    columns = [
        _column(bundle, name, usual, probabilities[name], parts.get(name), drafts, rows, recent)
        for name, usual in usual_rates(bundle, rows).items()
    ]
    return [
        Forecast(draft, as_of, bundle.manifest.model_version, tuple(activities), pulled)
        for draft, pulled, *activities in zip(drafts, levers, *columns, strict=True)
    ]


def _column(
    bundle: Bundle,
    activity: str,
    usual: Floats,
    probabilities: Floats,
    parts: LogitParts | None,
    drafts: Sequence[Draft],
    rows: pl.DataFrame,
    recent: Mapping[int, pl.DataFrame],
) -> list[ActivityForecast]:
    """One activity of all drafts."""
    low, high = intervals(bundle.manifest.spreads.get(activity), probabilities, rows)
    ranks = _ranks(activity, probabilities, drafts, recent)
    return [
        ActivityForecast(
            activity=activity,
            probability=float(probabilities[place]),
            low=low[place],
            high=high[place],
            usual=float(usual[place]),
            rank=rank,
            n_ranked=n_ranked,
            predicted_by=bundle.predicted_by(activity),
            parts=None if parts is None else _parts_of(parts, place),
        )
        for place, (rank, n_ranked) in enumerate(ranks)
    ]


def usual_rates(bundle: Bundle, rows: pl.DataFrame) -> dict[str, Floats]:
    """Smoothed rates of the drafts' owners by activity, each shape (drafts,)."""
    priors = bundle.recipe.features.priors
    return {
        name: np.clip(smoothed_rates(rows, name, priors[name]), SMALLEST, 1 - SMALLEST)
        for name in ACTIVITY_NAMES
        if name in priors
    }


def intervals(
    spread: Spread | None, probabilities: Floats, rows: pl.DataFrame
) -> tuple[list[float | None], list[float | None]]:
    """Ends of the 90 % intervals of one activity; ``None`` where its spread is not known.

    Args:
        spread: of the activity.
        probabilities: of the drafts, shape (drafts,).
        rows: what is known of the drafts.
    """
    if spread is None:
        return [None] * len(rows), [None] * len(rows)
    views = expected_views(rows, spread.typical_views)
    low, high = spread.interval(probabilities, views, rows["owner_id"])
    return low.tolist(), high.tolist()


def _parts_of(parts: LogitParts, place: int) -> Parts:
    return Parts(parts.base, {name: float(effect[place]) for name, effect in parts.groups.items()})


def _ranks(
    activity: str,
    probabilities: Floats,
    drafts: Sequence[Draft],
    recent: Mapping[int, pl.DataFrame],
) -> list[tuple[int | None, int]]:
    """Place of each draft among its owner's last posts, and of how many."""
    found: list[tuple[int | None, int]] = []
    for draft, probability in zip(drafts, probabilities, strict=True):
        others = recent[draft.owner_id].filter(activity=activity)["probability"]
        n_better = int((others > probability).sum())
        found.append((n_better + 1, len(others) + 1) if len(others) else (None, 0))
    return found
