"""Section 4: how good the model is, and what it stands on."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.figures import ACCENT, MUTED, RULE, drawn, labelled, numbered
from vkflow.insights.report.intervals import Measured, interval_rows
from vkflow.insights.report.language import Language

ALL = "all"
TEST = "test"
LEAST_FORECASTS = 50
CALIBRATION_BINS = 6
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
        figures.append(("contributions", lambda f: _contributions(f, data, say), 3.6))
    nights = data.gain_by_night.filter(pl.col("activity") == ALL)
    if nights["model_version"].n_unique() > 1:
        figures.append(("gain_by_night", lambda f: _gain_by_night(f, nights, say), 2.4))
    curves = calibration_curves(data.forecasts)
    if curves:
        height = 1.7 * ((len(curves) + 1) // 2) + 0.3
        figures.append(("calibration", lambda f: _calibration(f, curves, say), height))
    return [
        {
            "svg": drawn(paint, say(f"{name}_title"), height),
            "title": say(f"{name}_title"),
            "caption": say(f"{name}_caption"),
        }
        for name, paint, height in figures
    ]


def calibration_curves(forecasts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Predicted and observed rates of groups of forecasts, by activity with enough of them.

    Returns:
        predicted, observed, low, high by activity; the interval is over posts.
    """
    curves = {}
    for activity in ACTIVITY_NAMES:
        of_activity = forecasts.filter(pl.col("activity") == activity)
        if len(of_activity) < LEAST_FORECASTS:
            continue
        bins = pl.col("probability").rank("ordinal").sub(1) * CALIBRATION_BINS // pl.len()
        residual = (pl.col("count") - pl.col("observed") * pl.col("chances")) ** 2
        curves[activity] = (
            of_activity.with_columns(bins.alias("bin"))
            .with_columns(
                (pl.col("count").sum() / pl.col("chances").sum()).over("bin").alias("observed")
            )
            .group_by("bin", maintain_order=True)
            .agg(
                ((pl.col("probability") * pl.col("chances")).sum() / pl.col("chances").sum()).alias(
                    "predicted"
                ),
                pl.col("observed").first(),
                (1.96 * residual.sum().sqrt() / pl.col("chances").sum()).alias("error"),
            )
            .sort("predicted")
        )
    return curves


def _calibration(figure: Figure, curves: dict[str, pl.DataFrame], say: Language) -> None:
    grid = figure.subplots((len(curves) + 1) // 2, 2, squeeze=False)
    for axes, (activity, curve) in zip(grid.flat, curves.items(), strict=False):
        predicted, observed = (100 * curve[name].to_numpy() for name in ("predicted", "observed"))
        error = 100 * curve["error"].to_numpy()
        top = 1.08 * max(float(predicted.max()), float((observed + error).max()))
        axes.plot([0, top], [0, top], color=RULE, linewidth=1)
        axes.errorbar(predicted, observed, np.stack([np.minimum(error, observed), error]), fmt="o",
                      color=ACCENT, markersize=3.5, linewidth=1)  # fmt: skip
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        axes.locator_params(nbins=3)
        for axis in (axes.xaxis, axes.yaxis):
            numbered(axis, say, say("percent_sign"))
        axes.set_title(say.activity(activity))
        labelled(axes)
    for axes in grid.flat[len(curves) :]:
        axes.set_visible(False)
    figure.supxlabel(say("axis_predicted"), fontsize=8.5, color=MUTED)
    figure.supylabel(say("axis_observed"), fontsize=8.5, color=MUTED)


def _contributions(figure: Figure, data: ReportData, say: Language) -> None:
    axes = figure.subplots()
    table = data.contributions
    activities = [name for name in ACTIVITY_NAMES if name in set(table["activity"])]
    order = (
        table.group_by("group")
        .agg(pl.col("effect").mean())
        .sort(["effect", "group"], descending=True)
    )
    groups = order["group"].to_list()
    values = {(row["activity"], row["group"]): row["effect"] for row in table.to_dicts()}
    matrix = np.array([[values[a, g] for g in groups] for a in activities])
    axes.imshow(matrix, cmap=_blues(), vmin=0, vmax=matrix.max() or 1, aspect="auto")
    for row, column in np.ndindex(matrix.shape):
        value = float(matrix[row, column])
        axes.text(column, row, say.number(value, 2), ha="center", va="center", fontsize=8,
                  color="white" if value > 0.6 * matrix.max() else "#22262a")  # fmt: skip
    axes.set_xticks(
        range(len(groups)), [say(f"group_{name}").replace(" ", "\n") for name in groups]
    )
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(activities)), [say.activity(name) for name in activities])
    for spine in axes.spines.values():
        spine.set_visible(False)
    labelled(axes)


def _blues() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blues", ["#f4f7f9", ACCENT])


def _gain_by_night(figure: Figure, nights: pl.DataFrame, say: Language) -> None:
    axes = figure.subplots()
    place = np.arange(len(nights))
    value, low, high = (100 * nights[name].to_numpy() for name in ("value", "low", "high"))
    axes.fill_between(place, low, high, color=ACCENT, alpha=0.15, linewidth=0)
    axes.plot(place, value, color=ACCENT, marker="o", markersize=3.5)
    last = say.percent(value[-1] / 100, 1, signed=True)
    axes.annotate(last, (place[-1], value[-1]), xytext=(6, 0), textcoords="offset points",
                  va="center", color=ACCENT)  # fmt: skip
    axes.axhline(0, color=RULE, linewidth=1)
    moments = nights["created_at"].to_list()
    marks = np.unique(np.linspace(0, len(nights) - 1, 4).round().astype(int))
    axes.set_xticks(marks, [say.short_date(moments[mark]) for mark in marks])
    axes.margins(x=0.12)
    axes.locator_params(axis="y", nbins=5)
    numbered(axes.yaxis, say, say("percent_sign"))
    labelled(axes, y=say("axis_gain"))


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
