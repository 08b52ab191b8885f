"""The figures of section 4."""

import numpy as np
import polars as pl
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.figures import (
    ACCENT,
    INK,
    RULE,
    labelled,
    numbered,
    panels,
    predicted_and_observed,
)
from vkflow.insights.report.language import Language

MIN_FORECASTS = 50
CALIBRATION_BINS = 6
BLUES = LinearSegmentedColormap.from_list("blues", ["#f4f7f9", ACCENT])


def calibration_curves(forecasts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Predicted and observed rates of groups of forecasts, by activity with enough of them.

    Returns:
        predicted, observed, low, high by activity; the interval is over posts.
    """
    curves = {}
    for activity in ACTIVITY_NAMES:
        of_activity = forecasts.filter(pl.col("activity") == activity)
        if len(of_activity) < MIN_FORECASTS:
            continue
        bins = pl.col("probability").rank("ordinal").sub(1) * CALIBRATION_BINS // pl.len()
        residual = (pl.col("count") - pl.col("observed") * pl.col("exposures")) ** 2
        curves[activity] = (
            of_activity.with_columns(bins.alias("bin"))
            .with_columns(
                (pl.col("count").sum() / pl.col("exposures").sum()).over("bin").alias("observed")
            )
            .group_by("bin", maintain_order=True)
            .agg(
                (
                    (pl.col("probability") * pl.col("exposures")).sum() / pl.col("exposures").sum()
                ).alias("predicted"),
                pl.col("observed").first(),
                (1.96 * residual.sum().sqrt() / pl.col("exposures").sum()).alias("error"),
            )
            .sort("predicted")
        )
    return curves


def draw_calibration(figure: Figure, curves: dict[str, pl.DataFrame], say: Language) -> None:
    """Predicted and observed rates, a panel per activity."""
    for axes, (activity, curve) in zip(panels(figure, len(curves)), curves.items(), strict=True):
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
    predicted_and_observed(figure, say)


def draw_contributions(figure: Figure, table: pl.DataFrame, say: Language) -> None:
    """How much each group of features moves each activity."""
    axes = figure.subplots()
    activities = [name for name in ACTIVITY_NAMES if name in set(table["activity"])]
    order = (
        table.group_by("group")
        .agg(pl.col("effect").mean())
        .sort(["effect", "group"], descending=True)
    )
    groups = order["group"].to_list()
    values = {(row["activity"], row["group"]): row["effect"] for row in table.to_dicts()}
    matrix = np.array([[values[a, g] for g in groups] for a in activities])
    axes.imshow(matrix, cmap=BLUES, vmin=0, vmax=matrix.max() or 1, aspect="auto")
    for row, column in np.ndindex(matrix.shape):
        value = float(matrix[row, column])
        axes.text(column, row, say.number(value, 2), ha="center", va="center", fontsize=8,
                  color="white" if value > 0.6 * matrix.max() else INK)  # fmt: skip
    axes.set_xticks(
        range(len(groups)), [say(f"group_{name}").replace(" ", "\n") for name in groups]
    )
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(activities)), [say.activity(name) for name in activities])
    for spine in axes.spines.values():
        spine.set_visible(False)
    labelled(axes)


def draw_gain_by_night(figure: Figure, nights: pl.DataFrame, say: Language) -> None:
    """The gain over the owner rate, with its interval, by night."""
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
