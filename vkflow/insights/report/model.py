"""Section 4: how good the model is, and what it stands on."""

from typing import Any

import numpy as np
import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.figures import drawn
from vkflow.insights.report.intervals import Measured, interval_rows
from vkflow.insights.report.language import Language
from vkflow.insights.report.model_figures import (
    calibration_curves,
    draw_calibration,
    draw_contributions,
    draw_gain_by_night,
)

ALL = "all"
TEST = "test"
SHOWN_VARIANTS = 12


def model_section(data: ReportData, say: Language) -> dict[str, Any]:
    """Gains with intervals, calibration, slices, groups of features, leaderboard."""
    metrics = data.metrics
    section: dict[str, Any] = {"title": say("model_title"), "gains": [], "figures": []}
    if data.model_version is None or metrics.is_empty():
        return section | {"lead": say("model_none"), "leaderboard": _leaderboard(data, say)}
    return section | {
        "lead": _lead(data, say),
        "losses": _losses(metrics, say),
        "gains": [
            _gains(metrics, metric, say) for metric in ("gain_over_owner", "gain_over_global")
        ],
        "figures": _figures(data, say),
        "calibration_none": None if calibration_curves(data.forecasts) else say("calibration_none"),
        "slices": _slices(data, say),
        "leaderboard": _leaderboard(data, say),
    }


def _lead(data: ReportData, say: Language) -> str:
    overall = _values(data.metrics, ALL)
    lead = say(
        "model_lead",
        version=data.model_version,
        owner=say.percent(overall.get("gain_over_owner"), 1, signed=True),
        everyone=say.percent(overall.get("gain_over_global"), 1, signed=True),
    )
    if "oracle_share" in overall:
        lead += " " + say("model_oracle", share=say.percent(overall["oracle_share"]))
    if len(data.now) and "owner_posts" in data.now.columns:
        known = data.now["owner_posts"].to_numpy()
        share = say.percent(float(np.mean(known == 0)))
        lead += " " + say("model_baseline", posts=say.number(float(np.median(known))), share=share)
    return lead


def _values(metrics: pl.DataFrame, activity: str) -> dict[str, float]:
    chosen = metrics.filter(pl.col("activity") == activity, pl.col("split") == TEST)
    return dict(chosen.select("metric", "value").iter_rows())


def _losses(metrics: pl.DataFrame, say: Language) -> dict[str, Any]:
    """Log loss per view beside both baselines: never alone."""
    columns = ("log_loss_per_view", "log_loss_per_view_owner_rate", "log_loss_per_view_global_rate")
    rows = []
    for activity in (*ACTIVITY_NAMES, ALL):
        values = _values(metrics, activity)
        if columns[0] in values:
            rows.append(
                [say.activity(activity)]
                + [say.number(values.get(name), 5) for name in columns]
                + [say.number(values.get("calibration_slope"), 2)]
            )
    heads = (
        "column_activity",
        "column_model",
        "column_owner_rate",
        "column_global_rate",
        "column_slope",
    )
    return {"head": [say(head) for head in heads], "rows": rows}


def _gains(metrics: pl.DataFrame, metric: str, say: Language) -> dict[str, Any]:
    chosen = metrics.filter(pl.col("metric") == metric, pl.col("split") == TEST)
    by_activity = {row["activity"]: row for row in chosen.to_dicts()}
    rows = [
        _gain_row(say, say.activity(name), by_activity[name])
        for name in (*ACTIVITY_NAMES, ALL)
        if name in by_activity and by_activity[name]["value"] is not None
    ]
    return {
        "title": say(f"{metric}_title"),
        "caption": say("gain_caption"),
        "rows": interval_rows(rows) if rows else [],
    }


def _gain_row(say: Language, label: str, row: dict[str, Any]) -> Measured:
    low, high = (row[name] if row[name] is not None else float("nan") for name in ("low", "high"))
    note = _interval(low, high, say)
    return Measured(
        label, note if low == low else "", row["value"], low, high,
        say.percent(row["value"], 1, signed=True),
    )  # fmt: skip


def _interval(low: float, high: float, say: Language) -> str:
    return say(
        "interval", low=say.percent(low, 1, signed=True), high=say.percent(high, 1, signed=True)
    )


def _slices(data: ReportData, say: Language) -> dict[str, Any]:
    """The gain over the owner rate by kind of post, mean over activities."""
    chosen = data.metrics.filter(
        pl.col("activity") == ALL,
        pl.col("metric") == "gain_over_owner",
        pl.col("split").str.starts_with(f"{TEST}/"),
        pl.col("value").is_finite(),
    ).with_columns(pl.col("split").str.strip_prefix(f"{TEST}/").alias("slice"))
    plain = chosen.filter(~pl.col("slice").str.starts_with("category=")).to_dicts()
    rows = [_gain_row(say, _slice_name(row["slice"], say), row) for row in plain]
    return {
        "title": say("slices_title"),
        "caption": say("slices_caption"),
        "rows": interval_rows(rows) if rows else [],
    }


def _slice_name(name: str, say: Language) -> str:
    key = "slice_" + name.replace("=", "_")
    return say(key) if say.has(key) else name


def _figures(data: ReportData, say: Language) -> list[dict[str, Any]]:
    figures: list[tuple[str, Any, float]] = []
    if not data.contributions.is_empty():
        figures.append(
            ("contributions", lambda f: draw_contributions(f, data.contributions, say), 3.6)
        )
    nights = data.gain_by_night.filter(pl.col("activity") == ALL)
    if nights["model_version"].n_unique() > 1:
        figures.append(("gain_by_night", lambda f: draw_gain_by_night(f, nights, say), 2.4))
    curves = calibration_curves(data.forecasts)
    if curves:
        height = 1.7 * ((len(curves) + 1) // 2) + 0.3
        figures.append(("calibration", lambda f: draw_calibration(f, curves, say), height))
    return [
        {
            "svg": drawn(paint, say(f"{name}_title"), height),
            "title": say(f"{name}_title"),
            "caption": say(f"{name}_caption"),
        }
        for name, paint, height in figures
    ]


def _leaderboard(data: ReportData, say: Language) -> dict[str, Any]:
    rows = [
        [
            row["variant"],
            say.number(row["log_loss"], 5),
            say.percent(row["gain_over_owner"], 1, signed=True),
            _interval(row["low"], row["high"], say),
            say.percent(row["oracle_share"]),
        ]
        for row in data.leaderboard.head(SHOWN_VARIANTS).to_dicts()
    ]
    heads = (
        "column_variant",
        "column_log_loss",
        "column_over_owner",
        "column_interval",
        "column_attainable",
    )
    return {
        "title": say("leaderboard_title"),
        "caption": say("leaderboard_caption"),
        "head": [say(head) for head in heads],
        "rows": rows,
    }
