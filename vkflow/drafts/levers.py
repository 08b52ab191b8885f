"""Which levers a draft could still pull, by the advice of the last night.

Observation, not experiment: what posts with and without a level got, by the table ``insights``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from vkflow.insights.advice import LOWERS, RAISES
from vkflow.insights.levers import read_levers
from vkflow.insights.sentences import UNWANTED, Row


@dataclass(frozen=True)
class OpenLever:
    """One level of a lever that would change an activity for the better, or that stands in its way.

    Attributes:
        has_it: whether the draft has the level: then it is advice to give it up.
        row: of the table ``insights``.
    """

    has_it: bool
    row: Row


def open_levers(
    insights: pl.DataFrame,
    rows: pl.DataFrame,
    time_zone: str,
    owner_time_zones: Mapping[int, str],
) -> list[tuple[OpenLever, ...]]:
    """What each draft could do better, strongest first.

    Levels that do more of what is wanted (fewer hides, more of all else) and that the draft lacks,
    and such that do less of it and that it has. What is evident for the owner takes the place of
    what is evident over all owners.

    Args:
        insights: the newest advice: ``warehouse.insights.read_insights``.
        rows: what is known of the drafts: ``warehouse.drafts.draft_features``.
        time_zone: where the owners live.
        owner_time_zones: of owners that live elsewhere, by id.
    """
    levels = pl.DataFrame(read_levers(rows, time_zone, owner_time_zones))
    evident = insights.filter(pl.col("verdict").is_in([RAISES, LOWERS]))
    return [
        _open(_evident_rows(evident, owner_id), levels.row(place, named=True))
        for place, owner_id in enumerate(rows["owner_id"])
    ]


def _evident_rows(evident: pl.DataFrame, owner_id: int) -> list[dict[str, Any]]:
    """Evident rows of all owners, those of this one in their place."""
    shared, own = pl.col("owner_id").is_null(), pl.col("owner_id") == owner_id
    return (
        evident.filter(shared | own)
        .sort("owner_id", nulls_last=False)
        .unique(("activity", "lever", "level"), keep="last", maintain_order=True)
        .to_dicts()
    )


def _open(rows: list[dict[str, Any]], levels: Row) -> tuple[OpenLever, ...]:
    found = []
    for row in rows:
        level = levels[str(row["lever"])]
        is_good = (row["verdict"] == RAISES) != (row["activity"] in UNWANTED)
        has_it = level == row["level"]
        if level is not None and has_it != is_good:
            found.append(OpenLever(has_it, row))
    return tuple(sorted(found, key=lambda each: -abs(float(str(each.row["effect"])))))
