"""Section 8: trials, how far they are, and what those found that have ended."""

from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from vkflow.insights.report.cards import owner_address, owner_name
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.intervals import Measured, interval_rows
from vkflow.insights.report.language import Language
from vkflow.insights.sentences import lever_phrase

SHOWN = 12
EVIDENT = 0.05
UNBOUNDED = float("inf")

Row = dict[str, Any]


def trials_section(data: ReportData, say: Language) -> dict[str, Any]:
    """Running ones with their progress only; finished ones beside the advice they tested."""
    section: dict[str, Any] = {"title": say("trials_title"), "caveat": say("trials_caveat")}
    if data.trials.is_empty():
        return section | {"lead": say("trials_none"), "running": [], "groups": [], "sentences": []}
    of = {
        status: data.trials.filter(status=status).to_dicts()
        for status in ("running", "finished", "stopped")
    }
    judged = [row for row in of["finished"] if row["effect"] is not None]
    unjudged = [row for row in of["finished"] if row["effect"] is None]
    return section | {
        "lead": say("trials_lead", **{name: len(rows) for name, rows in of.items()}),
        "running": [_progress(data, row, say) for row in of["running"]],
        "groups": [_group(data, row, say) for row in judged[:SHOWN]],
        "sentences": [
            *(_without_effect(data, row, say) for row in unjudged[:SHOWN]),
            *(_stopped(data, row, say) for row in of["stopped"][:SHOWN]),
        ],
    }


def _title(data: ReportData, row: Row, say: Language) -> str:
    return say(
        "trials_name",
        id=row["trial_id"],
        owner=owner_name(data, say, row["owner_id"]),
        lever=lever_phrase(row["lever"], row["level"], say.code),
        activity=say.activity(row["activity"]),
    )


def _progress(data: ReportData, row: Row, say: Language) -> Row:
    is_by_day = row["unit"] == "day"
    seen = _days_passed(data, row) if is_by_day else row["n_seen"]
    return {
        "label": _title(data, row, say),
        "value": say("trials_days" if is_by_day else "trials_posts", seen=seen, all=row["n_units"]),
        "width": round(100 * seen / row["n_units"], 1),
    }


def _days_passed(data: ReportData, row: Row) -> int:
    today = data.as_of.astimezone(ZoneInfo(row["time_zone"])).date()
    passed: int = (today - row["first_day"]).days
    return min(max(passed, 0), int(row["n_units"]))


def _without_effect(data: ReportData, row: Row, say: Language) -> str:
    """Nothing was tested, or the change of a rate that is zero without the lever is no fraction."""
    title = _title(data, row, say)
    if row["p_value"] is None:
        return say("trials_unjudged", trial=title)
    return say("trials_from_nothing", trial=title, p=_p(row, say), verdict=_verdict(row, say))


def _p(row: Row, say: Language) -> str:
    return say.number(row["p_value"], 4 if row["p_value"] < 0.01 else 2)


def _verdict(row: Row, say: Language) -> str:
    return say("trials_evident" if row["p_value"] <= EVIDENT else "trials_not_evident")


def _stopped(data: ReportData, row: Row, say: Language) -> str:
    return say(
        "trials_stopped",
        trial=_title(data, row, say),
        seen=row["n_seen"],
        all=row["n_units"],
    )


def _group(data: ReportData, row: Row, say: Language) -> dict[str, Any]:
    rows = [_measured(say("trials_found"), _note(row, say), row, say)]
    if (advice := _advice(data.insights, row)) is not None:
        note = say("trials_advice_note", posts=say.plural("posts", advice["n_posts"]))
        rows.append(_measured(say("trials_advice"), note, advice, say))
    return {
        "title": _title(data, row, say),
        "link": owner_address(data, row["owner_id"]),
        "rows": interval_rows(rows),
    }


def _measured(label: str, note: str, row: Row, say: Language) -> Measured:
    low, high = (
        sign * UNBOUNDED if row[name] is None else row[name]
        for name, sign in (("low", -1), ("high", 1))
    )
    return Measured(label, note, row["effect"], low, high, say.percent(row["effect"], signed=True))


def _note(row: Row, say: Language) -> str:
    """Interval, p, how many posts, how many as drawn, and whether it is evident."""
    return say(
        "trials_note",
        low=say.percent(row["low"], signed=True),
        high=say.percent(row["high"], signed=True),
        p=_p(row, say),
        posts=say.plural("posts", row["n_posts"]),
        followed=row["n_followed"],
        verdict=_verdict(row, say),
    )


def _advice(insights: pl.DataFrame, row: Row) -> Row | None:
    """What the newest advice says of the same: of this wall, else of all owners."""
    if insights.is_empty():
        return None
    same = insights.filter(
        pl.col("lever") == row["lever"],
        pl.col("level") == row["level"],
        pl.col("activity") == row["activity"],
        pl.col("effect").is_not_null(),
        pl.col("owner_id").is_null() | (pl.col("owner_id") == row["owner_id"]),
    )
    return next(same.sort("owner_id", nulls_last=True).iter_rows(named=True), None)
