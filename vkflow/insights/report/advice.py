"""Section 7: advice to authors, as far as there is evidence for it."""

from typing import Any

import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.inference import FALSE_DISCOVERY_RATE, q_values
from vkflow.insights.levers import LEVERS
from vkflow.insights.report.cards import owner_address, owner_name
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.intervals import Measured, interval_rows
from vkflow.insights.report.language import Language
from vkflow.insights.sentences import catalogue, lever_phrase, trade_offs

CLEAR = ("raises", "lowers")
SHOWN_LEVERS = 16
SHOWN_OWNERS = 8


def advice_section(data: ReportData, say: Language) -> dict[str, Any]:
    """Clear effects by lever, all activities side by side, so that trade-offs are seen."""
    section: dict[str, Any] = {"title": say("advice_title"), "caveat": say("advice_caveat")}
    if data.insights.is_empty():
        nothing: dict[str, Any] = {"placebo": "", "groups": [], "owners": [], "trade_offs": []}
        return section | {"lead": say("advice_none")} | nothing
    overall = data.insights.filter(pl.col("owner_id").is_null())
    clear = overall.filter(pl.col("verdict").is_in(CLEAR))
    judged = overall.filter(pl.col("verdict") != "too few posts")
    lead = "advice_lead" if len(clear) else "advice_unclear" if len(judged) else "advice_none"
    return section | {
        "lead": say(lead, clear=say.number(len(clear)), tested=say.number(len(judged))),
        "placebo": _placebo(judged, say),
        "groups": _by_lever(data, clear, say),
        "owners": _by_owner(data, say),
        "trade_offs": trade_offs(overall, say.code, data.category_labels)[:SHOWN_LEVERS],
    }


def _placebo(judged: pl.DataFrame, say: Language) -> str:
    """How many levers would stand out that do nothing, since they were dealt anew."""
    p_values = judged["placebo_p_value"].drop_nulls().to_numpy()
    if not len(p_values):
        return ""
    evident = int((q_values(p_values) <= FALSE_DISCOVERY_RATE).sum())
    return say("advice_placebo", tested=say.number(len(p_values)), clear=say.number(evident))


def _by_lever(data: ReportData, clear: pl.DataFrame, say: Language) -> list[dict[str, Any]]:
    """The levers with the strongest effects first."""
    strongest = (
        clear.group_by("lever", "level")
        .agg(pl.col("effect").abs().max().alias("strength"))
        .sort(["strength", "lever", "level"], descending=[True, False, False])
        .head(SHOWN_LEVERS)
    )
    groups = []
    for lever, level in strongest.select("lever", "level").iter_rows():
        of_lever = clear.filter(pl.col("lever") == lever, pl.col("level") == level)
        rows = [(say.activity(row["activity"]), row) for row in _in_order(of_lever)]
        groups.append(
            {
                "title": lever_phrase(lever, level, say.code, data.category_labels),
                "rows": _rows(rows, say),
            }
        )
    return groups


def _by_owner(data: ReportData, say: Language) -> list[dict[str, Any]]:
    """What is clear for single owners, the owners with most posts first."""
    own = data.insights.filter(pl.col("owner_id").is_not_null(), pl.col("verdict").is_in(CLEAR))
    busiest = (
        own.group_by("owner_id")
        .agg(pl.col("n_posts").max())
        .sort(["n_posts", "owner_id"], descending=[True, False])
    )
    activities = catalogue(say.code)["activities"]
    groups = []
    for owner_id in busiest["owner_id"].head(SHOWN_OWNERS):
        rows = []
        for row in _in_order(own.filter(pl.col("owner_id") == owner_id)):
            lever = lever_phrase(row["lever"], row["level"], say.code, data.category_labels)
            rows.append((f"{lever}: {activities[row['activity']]}", row))
        title, link = owner_name(data, say, owner_id), owner_address(data, owner_id)
        groups.append({"title": title, "link": link, "rows": _rows(rows, say)})
    return groups


def _in_order(insights: pl.DataFrame) -> list[dict[str, Any]]:
    """By lever, and each lever's activities in their usual order."""

    def place(row: dict[str, Any]) -> tuple[int, str, int]:
        return LEVERS.index(row["lever"]), row["level"], ACTIVITY_NAMES.index(row["activity"])

    return sorted(insights.to_dicts(), key=place)


def _rows(rows: list[tuple[str, dict[str, Any]]], say: Language) -> list[Any]:
    return interval_rows(
        [
            Measured(
                label=label,
                note=say(
                    "advice_note" if row["owner_id"] is None else "advice_note_of_owner",
                    posts=say.plural("posts", row["n_posts"]),
                    owners=say.plural("owners", row["n_owners"]),
                    low=say.percent(row["adjusted_low"], signed=True),
                    high=say.percent(row["adjusted_high"], signed=True),
                ),
                value=row["effect"],
                low=row["adjusted_low"],
                high=row["adjusted_high"],
                text=say.percent(row["effect"], signed=True),
            )
            for label, row in rows
        ]
    )
