"""Section 1: what the night did."""

import json
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from vkflow.insights.report.data import ReportData
from vkflow.insights.report.figures import ACCENT, MUTED, drawn, labelled, numbered
from vkflow.insights.report.language import Language


def night_section(data: ReportData, say: Language) -> dict[str, Any]:
    """Facts, seconds of each step, warnings and trends; without a night only what is known."""
    nights = [row | {"counts": json.loads(row["counts"] or "{}")} for row in data.nights.to_dicts()]
    last = nights[-1] if nights else None
    return {
        "title": say("night_title"),
        "lead": say("night_lead", moment=say.moment(data.local(data.nights["night"])[-1]))
        if last
        else say("night_none"),
        "facts": _facts(last["counts"], say) if last else [],
        "steps": _steps(last["counts"], say) if last else [],
        "warnings": _warnings(data, last, say),
        "figures": _trends(data, nights, say),
    }


def _facts(counts: dict[str, Any], say: Language) -> list[tuple[str, str]]:
    pull, texts, scores = (counts.get(name) or {} for name in ("pull", "texts", "scores"))
    facts = {
        "fact_new": pull.get("new"),
        "fact_changed": pull.get("changed"),
        "fact_snapshots": pull.get("snapshots"),
        "fact_texts": texts.get("texts"),
        "fact_pictures": counts.get("pictures"),
        "fact_scored": scores.get("posts"),
    }
    return [(say.number(value), say(key)) for key, value in facts.items() if value is not None]


def _steps(counts: dict[str, Any], say: Language) -> list[dict[str, Any]]:
    seconds = counts.get("seconds") or {}
    longest = max(seconds.values(), default=0) or 1
    return [
        {
            "label": step_name(name, say),
            "value": say.duration(value),
            "width": round(100 * value / longest, 1),
        }
        for name, value in seconds.items()
    ]


def step_name(name: str, say: Language) -> str:
    """What a step of the night is called; its name in the code if it is unknown."""
    key = f"step_{name.replace(' ', '_')}"
    return say(key) if say.has(key) else name


def _warnings(data: ReportData, last: dict[str, Any] | None, say: Language) -> list[str]:
    warnings = list(last["counts"].get("warnings") or []) if last else []
    if last and last["status"] == "failed":
        warnings.append(say("warning_failed"))
    bad = ((last["counts"].get("pull") or {}) if last else {}).get("bad_pictures")
    if bad:
        warnings.append(say("warning_pictures", number=say.number(bad)))
    for row in data.refused.to_dicts():
        reason = say.stored(row["reason"])
        warnings.append(say("warning_refused", rows=say.number(row["rows"]), reason=reason))
    for activity, stored in data.skipped.items():
        reason = say.stored(stored)
        warnings.append(say("warning_skipped", activity=say.activity(activity), reason=reason))
    warnings.extend(say.stored(note) for note in data.notes)
    if data.model_version is None:
        warnings.append(say("warning_no_model"))
    return warnings


def _trends(data: ReportData, nights: list[dict[str, Any]], say: Language) -> list[dict[str, Any]]:
    figures = []
    if len(data.arrivals) > 1:
        figures.append(
            {
                "svg": drawn(lambda f: _arrivals(f, data, say), say("arrivals_title"), 2.2),
                "title": say("arrivals_title"),
                "caption": say("arrivals_caption"),
            }
        )
    if len(nights) > 1:
        figures.append(
            {
                "svg": drawn(lambda f: _durations(f, data, nights, say), say("trend_title"), 2.2),
                "title": say("trend_title"),
                "caption": say("trend_caption", nights=say.plural("nights", len(nights))),
            }
        )
    return figures


def _arrivals(figure: Figure, data: ReportData, say: Language) -> None:
    axes = figure.subplots()
    days, posts = data.arrivals["day"].to_list(), data.arrivals["posts"].to_numpy()
    axes.bar(np.arange(len(days)), posts, width=0.72, color=ACCENT)
    marks = np.unique(np.linspace(0, len(days) - 1, 4).round().astype(int))
    axes.set_xticks(marks, [say.short_date(days[m]) for m in marks])
    axes.set_ylim(0, None)
    numbered(axes.yaxis, say)
    axes.locator_params(axis="y", integer=True, nbins=4)
    labelled(axes, y=say("axis_posts_a_day"))


def _durations(
    figure: Figure, data: ReportData, nights: list[dict[str, Any]], say: Language
) -> None:
    upper, lower = figure.subplots(2, 1, sharex=True)
    moments = data.local(data.nights["night"]).to_list()
    place = np.arange(len(nights))
    new = [((n["counts"].get("pull") or {}).get("new")) or 0 for n in nights]
    for axes, values, name in (
        (upper, np.array(new, dtype=float), "axis_new_posts"),
        (lower, data.nights["seconds"].fill_null(0).to_numpy() / 60, "axis_minutes"),
    ):
        axes.plot(place, values, color=ACCENT, marker="o", markersize=3.5, linewidth=1.3)
        axes.annotate(
            say.number(float(values[-1]), 0 if name == "axis_new_posts" else 1),
            (place[-1], values[-1]), xytext=(6, 0), textcoords="offset points", va="center",
            color=ACCENT,
        )  # fmt: skip
        axes.set_ylim(0, float(values.max()) * 1.25 or 1)
        axes.locator_params(axis="y", nbins=3)
        numbered(axes.yaxis, say)
        axes.margins(x=0.1)
        labelled(axes, y=say(name))
    marks = np.unique(np.linspace(0, len(nights) - 1, 4).round().astype(int))
    lower.set_xticks(marks, [say.short_date(moments[m]) for m in marks], color=MUTED)
