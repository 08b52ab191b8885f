"""The figures of section 3."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from vkflow.insights.lifts import Reactions
from vkflow.insights.report.figures import ACCENT, DIVERGING, INK, MUTED, RULE, labelled, panels
from vkflow.insights.report.language import Language

Paint = Callable[[Figure], None]
MIN_IN_CELL = 3
MIN_OF_OWNER = 5
MIN_SHOWN = 0.005
PRIOR_POSTS = 10
"""Average posts a cell is drawn towards the usual with, so that few posts give little colour."""


def distributions(posts: pl.DataFrame, activities: list[str], say: Language) -> Paint:
    """Histograms of counts on a logarithmic scale, zeros as a bar of their own."""
    columns = ["views", *activities]

    def paint(figure: Figure) -> None:
        for axes, name in zip(panels(figure, len(columns)), columns, strict=True):
            counts = posts[name].drop_nulls().to_numpy().astype(np.float64)
            zero, positive = float((counts == 0).mean()), counts[counts > 0]
            top = max(np.log10(positive.max()), 1.0) if len(positive) else 1.0
            edges = np.arange(0, top + 0.25, 0.25)
            shares = np.histogram(np.log10(positive), edges)[0] / len(counts)
            axes.bar(edges[:-1] + 0.125, shares, width=0.22, color=ACCENT)
            if zero >= MIN_SHOWN:
                axes.bar(-0.6, zero, width=0.22, color=MUTED)
                axes.annotate(
                    say.percent(zero), (-0.6, zero), xytext=(0, 2), textcoords="offset points",
                    ha="center", color=MUTED, fontsize=7.5,
                )  # fmt: skip
            marks = np.arange(0, int(top) + 1)[:: 2 if top > 3.5 else 1]
            axes.set_xticks([-0.6, *marks], ["0", *(_power(mark, say) for mark in marks)])
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.margins(y=0.18)
            axes.set_title(say("views") if name == "views" else say.activity(name))
            labelled(axes)
        figure.supxlabel(say("axis_count"), fontsize=8.5, color=MUTED)

    return paint


def correlations(posts: pl.DataFrame, activities: list[str], say: Language) -> Paint:
    """Correlations of the logarithms of counts."""
    names = ["views", *activities]
    logs = posts.select(pl.col(name).log1p() for name in names)
    matrix = np.array(
        [[_correlation(logs[a], logs[b]) for b in names] for a in names], dtype=np.float64
    )

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        below = np.ma.masked_where(np.triu(np.ones_like(matrix, dtype=bool)), matrix)
        axes.imshow(below[1:, :-1], cmap=DIVERGING, vmin=-1, vmax=1)
        for row in range(1, len(names)):
            for column in range(row):
                value = matrix[row, column]
                axes.text(
                    column, row - 1, say.number(value, 2), ha="center", va="center", fontsize=7.5,
                    color="white" if abs(value) > 0.72 else INK,
                )  # fmt: skip
        labels = [say("views"), *(say.activity(name) for name in activities)]
        axes.set_xticks(range(len(names) - 1), labels[:-1], rotation=40, ha="right")
        axes.set_yticks(range(len(names) - 1), labels[1:])
        for spine in axes.spines.values():
            spine.set_visible(False)
        labelled(axes)

    return paint


def owner_rates(posts: pl.DataFrame, activities: list[str], say: Language) -> Paint:
    """A dot per owner and activity on a logarithmic scale, the median as a line."""
    rates = posts.group_by("owner_id").agg(
        pl.len().alias("posts"),
        *((pl.col(name).sum() / pl.col("views").sum()).alias(name) for name in activities),
    )
    enough = rates.filter(pl.col("posts") >= MIN_OF_OWNER)
    rates = enough if len(enough) > 1 else rates

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for place, name in enumerate(reversed(activities)):
            values = rates[name].drop_nulls().to_numpy()
            values = 100 * values[values > 0]
            if not len(values):
                continue
            wobble = np.random.default_rng(0).uniform(-0.22, 0.22, len(values))
            axes.plot(values, place + wobble, "o", color=ACCENT, alpha=0.35, ms=3.5, mew=0)
            middle = float(np.median(values))
            axes.plot([middle, middle], [place - 0.36, place + 0.36], color=INK, linewidth=1.6)
            axes.annotate(
                say.rate(middle / 100), (middle, place + 0.36), ha="center", va="bottom",
                fontsize=7.5, color=INK, xytext=(0, 1), textcoords="offset points",
            )  # fmt: skip
        axes.set_xscale("log")
        low, high = (int(np.floor(np.log10(x))) for x in axes.get_xlim())
        marks = [10.0**power for power in range(low + 1, high + 1)]
        axes.set_xticks(marks, [say.plain(mark) + say("percent_sign") for mark in marks])
        axes.minorticks_off()
        axes.set_yticks(range(len(activities)), [say.activity(a) for a in reversed(activities)])
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        labelled(axes, x=say("axis_owner_rate"))

    return paint


def calendar(local: pl.Series, observed: Reactions, say: Language) -> Paint:
    """Likes beside the owner's usual, by hour (in blocks of two) and weekday."""
    hours = local.dt.hour().fill_null(0).to_numpy() // 2
    days = local.dt.weekday().fill_null(1).to_numpy() - 1
    dated = local.is_not_null().to_numpy() & (observed.usual > 0)
    shape = (7, 12)
    cells = np.ravel_multi_index((days[dated], hours[dated]), shape)
    got = np.bincount(cells, observed.got[dated], minlength=84).reshape(shape)
    usual = np.bincount(cells, observed.usual[dated], minlength=84).reshape(shape)
    posts = np.bincount(cells, minlength=84).reshape(shape)
    ratio = np.full(shape, np.nan)
    enough = posts >= MIN_IN_CELL
    prior = PRIOR_POSTS * float(usual.sum()) / max(int(posts.sum()), 1)
    ratio[enough] = np.log2((got[enough] + prior) / (usual[enough] + prior))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        image = axes.imshow(ratio, cmap=DIVERGING, vmin=-0.585, vmax=0.585, aspect="auto")
        axes.set_xticks(np.arange(0, 12, 2) - 0.5, [f"{hour:02d}:00" for hour in range(0, 24, 4)])
        axes.set_yticks(range(7), say.weekdays())
        for spine in axes.spines.values():
            spine.set_visible(False)
        labelled(axes, x=say("axis_hour"))
        bar = figure.colorbar(image, ax=axes, ticks=[-0.585, 0, 0.585], pad=0.02, aspect=30)
        bar.ax.set_yticklabels([say.percent(x, signed=x != 0) for x in (-1 / 3, 0.0, 0.5)])
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0)

    return paint


def lengths(
    characters: pl.Series,
    bands: list[str],
    measured: Mapping[str, Mapping[str, dict[str, Any]]],
    say: Language,
) -> Paint:
    """How long texts are, and what each length gets beside the owner's usual."""
    values = characters.to_numpy().astype(np.float64)

    def paint(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, height_ratios=[1, 1.7])
        positive = values[values > 0]
        edges = np.arange(0, 4.7, 0.1)
        shares = np.histogram(np.log10(np.maximum(positive, 1)), edges)[0] / max(len(values), 1)
        upper.bar(edges[:-1] + 0.05, shares, width=0.09, color=ACCENT)
        if len(positive) < len(values):
            upper.bar(-0.3, 1 - len(positive) / len(values), width=0.09, color=MUTED)
        upper.set_xticks([-0.3, 0, 1, 2, 3, 4], ["0", *(_power(mark, say) for mark in range(5))])
        upper.set_yticks([])
        upper.spines["left"].set_visible(False)
        labelled(upper, x=say("axis_characters"))
        _band_dots(lower, bands, measured, say)

    return paint


def _band_dots(
    axes: Any,
    bands: list[str],
    measured: Mapping[str, Mapping[str, dict[str, Any]]],
    say: Language,
) -> None:
    marks = dict(zip(measured, ("o", "s", "D", "^"), strict=False))
    shades = dict(zip(measured, (ACCENT, "#5b9cc4", MUTED, INK), strict=False))
    step = 0.16
    for number, (activity, by_band) in enumerate(measured.items()):
        offset = (number - (len(measured) - 1) / 2) * step
        for place, band in enumerate(bands):
            if band not in by_band:
                continue
            row = by_band[band]
            x = place + offset
            axes.plot([x, x], [row["low"], row["high"]], color=shades[activity], linewidth=1.2)
            axes.plot(x, row["lift"], marks[activity], color=shades[activity], markersize=4)
        axes.plot([], [], marks[activity], color=shades[activity], markersize=4,
                  label=say.activity(activity))  # fmt: skip
    axes.axhline(1, color=RULE, linewidth=1, zorder=0)
    axes.set_yscale("log")
    ticks = [
        t for t in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0) if axes.get_ylim()[0] <= t <= axes.get_ylim()[1]
    ]
    axes.set_yticks(ticks, [f"×\u00a0{say.plain(t)}" for t in ticks])
    axes.minorticks_off()
    axes.set_xticks(range(len(bands)), [say(f"band_{band}") for band in bands])
    if measured:
        axes.legend(
            frameon=False, ncols=4, fontsize=7.5, loc="lower center", bbox_to_anchor=(0.5, 1),
            handletextpad=0.2, columnspacing=1.0,
        )  # fmt: skip
    labelled(axes, y=say("axis_beside_usual"))


def _correlation(a: pl.Series, b: pl.Series) -> float:
    both = pl.DataFrame({"a": a, "b": b}).drop_nulls()
    if len(both) < 3 or not both["a"].std() or not both["b"].std():
        return float("nan")
    return float(np.corrcoef(both["a"].to_numpy(), both["b"].to_numpy())[0, 1])


def _power(mark: int, say: Language) -> str:
    thousand = say("thousand_short")
    return {
        0: "1",
        1: "10",
        2: "100",
        3: f"1{thousand}",
        4: f"10{thousand}",
        5: f"100{thousand}",
    }.get(int(mark), f"10^{mark}")
