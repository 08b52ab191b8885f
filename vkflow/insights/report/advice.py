"""Section 7: advice to authors, as far as there is evidence for it."""

from typing import Any

import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.intervals import Measured, interval_rows
from vkflow.insights.report.language import Language

CLEAR = ("raises", "lowers")


def advice_section(data: ReportData, say: Language) -> dict[str, Any]:
    """Clear effects by activity over all owners; what is not clear is said to be so."""
    overall = (
        data.insights.filter(pl.col("owner_id").is_null()) if len(data.insights) else data.insights
    )
    section: dict[str, Any] = {
        "title": say("advice_title"),
        "groups": [],
        "caveat": say("advice_caveat"),
    }
    if overall.is_empty():
        return section | {"lead": say("advice_none")}
    clear = overall.filter(pl.col("verdict").is_in(CLEAR))
    groups = []
    for activity in ACTIVITY_NAMES:
        rows = (
            clear.filter(pl.col("activity") == activity).sort("effect", descending=True).to_dicts()
        )
        if rows:
            measured = [_row(row, say) for row in rows]
            groups.append({"title": say.activity(activity), "rows": interval_rows(measured)})
    lead = say(
        "advice_lead" if groups else "advice_unclear",
        clear=say.number(len(clear)),
        tested=say.number(len(overall)),
    )
    return section | {"lead": lead, "groups": groups}


def _row(row: dict[str, Any], say: Language) -> Measured:
    return Measured(
        label=f"{row['lever']}: {row['level']}",
        note=say(
            "lift_note",
            low=say.percent(row["low"], signed=True),
            high=say.percent(row["high"], signed=True),
            posts=say.plural("posts", row["n_posts"]),
            owners=say.plural("owners", row["n_owners"]),
        ),
        value=row["effect"],
        low=row["low"],
        high=row["high"],
        text=say.percent(row["effect"], signed=True),
    )
