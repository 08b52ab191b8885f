"""Section 5: what was predicted, and what happened."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.cards import Card, card
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.figures import (
    ACCENT,
    MUTED,
    RULE,
    drawn,
    labelled,
    panels,
    predicted_and_observed,
)
from vkflow.insights.report.language import Language

SHOWN = 4
MAX_DOTS = 1_500
PLOTTED = ("like", "comment", "repost", "hide")
OUTSIDE = 0.5
"""Added to both sides of a ratio, so that one comment instead of none is no great surprise."""


def biggest_misses(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The posts that did much better, and much worse, than their forecast of likes.

    Returns:
        Rows of forecasts with direction (``above`` or ``below``) and ratio, the biggest first.
    """
    expected = pl.col("probability") * pl.col("exposures")
    ratio = (pl.col("count") + OUTSIDE) / (expected + OUTSIDE)
    rated = forecasts.filter(pl.col("activity") == "like").with_columns(ratio.alias("ratio"))
    above = rated.filter(pl.col("ratio") > 1).sort(["ratio", "post_id"], descending=[True, False])
    below = rated.filter(pl.col("ratio") < 1).sort(["ratio", "post_id"])
    return pl.concat(
        [
            rows.head(SHOWN).with_columns(pl.lit(direction).alias("direction"))
            for direction, rows in (("above", above), ("below", below))
        ]
    )


def outcomes_section(data: ReportData, say: Language) -> dict[str, Any]:
    """A summary by activity, dots, and the biggest misses; none without a known outcome."""
    section: dict[str, Any] = {"title": say("outcomes_title"), "figures": [], "groups": []}
    if data.forecasts.is_empty():
        return section | {"lead": say("outcomes_none")}
    n_posts = data.forecasts.select("owner_id", "post_id").n_unique()
    return section | {
        "lead": say("outcomes_lead", posts=say.plural("posts", n_posts)),
        "table": _table(data, say),
        "figures": [
            {
                "svg": drawn(lambda f: _dots(f, data, say), say("dots_title"), 4.4),
                "title": say("dots_title"),
                "caption": say("dots_caption"),
            }
        ],
        "groups": _misses(data, say),
    }


def _table(data: ReportData, say: Language) -> dict[str, Any]:
    rows = []
    for activity in ACTIVITY_NAMES:
        known = data.forecasts.filter(pl.col("activity") == activity)
        if known.is_empty():
            continue
        exposures = float(known["exposures"].sum())
        predicted = float((known["probability"] * known["exposures"]).sum()) / exposures
        observed = float(known["count"].sum()) / exposures
        rows.append(
            [
                say.activity(activity),
                say.number(len(known)),
                say.rate(predicted),
                say.rate(observed),
                say.percent(observed / predicted - 1, signed=True),
            ]
        )
    heads = (
        "column_activity",
        "column_posts",
        "column_predicted",
        "column_happened",
        "column_difference",
    )
    return {"head": [say(head) for head in heads], "rows": rows}


def _dots(figure: Figure, data: ReportData, say: Language) -> None:
    names = [n for n in PLOTTED if n in set(data.forecasts["activity"])]
    for axes, name in zip(panels(figure, len(names)), names, strict=True):
        known = data.forecasts.filter(pl.col("activity") == name)
        if len(known) > MAX_DOTS:
            known = known.sample(MAX_DOTS, seed=0)
        predicted, rate = 100 * known["probability"].to_numpy(), 100 * known["rate"].to_numpy()
        seen = rate[rate > 0]
        floor = float(min(predicted.min(), seen.min() if len(seen) else predicted.min())) / 1.6
        top = float(max(predicted.max(), rate.max())) * 1.3
        axes.plot([floor, top], [floor, top], color=RULE, linewidth=1)
        zero = rate <= 0
        axes.plot(predicted[~zero], rate[~zero], "o", color=ACCENT, alpha=0.4, ms=3, mew=0)
        axes.plot(predicted[zero], np.full(int(zero.sum()), floor), "|", color=MUTED, ms=4)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(floor / 1.1, top)
        axes.set_ylim(floor / 1.1, top)
        _mark_decades(axes, floor, top, say)
        axes.set_title(say.activity(name))
        labelled(axes)
    predicted_and_observed(figure, say)


def _mark_decades(axes: Any, floor: float, top: float, say: Language) -> None:
    powers = np.arange(np.ceil(np.log10(floor)), np.floor(np.log10(top)) + 1)
    marks = [float(10.0**power) for power in powers]
    texts = [say.plain(mark) + say("percent_sign") for mark in marks]
    axes.minorticks_off()
    axes.set_xticks(marks, texts)
    axes.set_yticks(marks, texts)


def _misses(data: ReportData, say: Language) -> list[dict[str, Any]]:
    posts = {(row["owner_id"], row["post_id"]): row for row in data.cards.to_dicts()}
    groups = []
    for direction, missed in biggest_misses(data.forecasts).group_by(
        "direction", maintain_order=True
    ):
        cards: list[Card] = []
        for row in missed.to_dicts():
            post = posts.get((row["owner_id"], row["post_id"]))
            if post is not None:
                cards.append(card(data, say, post, _figures(row, say)))
        groups.append(
            {
                "title": say(f"misses_{direction[0]}"),
                "caption": say("misses_caption"),
                "cards": cards,
            }
        )
    return groups


def _figures(row: dict[str, Any], say: Language) -> list[dict[str, str]]:
    return [
        {
            "label": say.activity("like"),
            "value": say.rate(row["rate"]),
            "usual": say("predicted", rate=say.rate(row["probability"])),
            "ratio": say.times(row["rate"] / row["probability"]),
        },
        {"label": say("views"), "value": say.number(row["exposures"]), "usual": "", "ratio": ""},
    ]
