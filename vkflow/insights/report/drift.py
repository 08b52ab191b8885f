"""Section 6: features and predictions that have moved since the model was trained."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.figures import ACCENT, MUTED, drawn, labelled
from vkflow.insights.report.language import Language
from vkflow.modelling.drift import GROWING

SHOWN = 8
BINS = 12
NOTICEABLE = 0.1
"""Below it a stability index is chance (Siddiqi 2006, Credit Risk Scorecards, chapter 9)."""


def drift_section(data: ReportData, say: Language) -> dict[str, Any]:
    """The most moved features and predictions, then and now, each in a small figure."""
    section: dict[str, Any] = {"title": say("drift_title"), "figures": []}
    moved = data.drift.filter(~pl.col("name").is_in(GROWING))
    if moved.is_empty():
        return section | {"lead": say("drift_none")}
    chosen = [
        row["name"] if row["kind"] == "feature" else f"p_{row['name']}"
        for row in moved.head(4 * SHOWN).to_dicts()
    ]
    shown = [name for name in chosen if _is_drawable(data, name)][:SHOWN]
    index = {
        row["name"] if row["kind"] == "feature" else f"p_{row['name']}": row["stability_index"]
        for row in moved.to_dicts()
    }
    n_moved = len(moved.filter(pl.col("stability_index") > NOTICEABLE))
    section["lead"] = say(
        "drift_lead",
        moved=say.number(n_moved),
        all=say.number(len(moved)),
        threshold=say.number(NOTICEABLE, 1),
    )
    if shown:
        height = 1.45 * ((len(shown) + 1) // 2) + 0.3
        section["figures"] = [
            {
                "svg": drawn(
                    lambda f: _multiples(f, data, shown, index, say), say("drift_title"), height
                ),
                "title": say("multiples_title"),
                "caption": say("multiples_caption"),
            }
        ]
    heads = ("column_feature", "column_index")
    section["table"] = {
        "head": [say(head) for head in heads],
        "rows": [[feature_name(name, say), say.number(index[name], 2)] for name in chosen[:SHOWN]],
    }
    return section


def feature_name(name: str, say: Language) -> str:
    """What people call a feature or, after p_, the prediction of an activity."""
    if name.startswith("p_") and name[2:] in ACTIVITY_NAMES:
        return say("feature_prediction", activity=say.activity(name[2:]))
    for activity in sorted(ACTIVITY_NAMES, key=len, reverse=True):
        for kind in ("logit", "trend"):
            if name == f"owner_{activity}_{kind}":
                return say(f"feature_owner_{kind}", activity=say.activity(activity))
    for kind in ("text", "image"):
        number = name.removeprefix(f"{kind}_")
        if number.isdigit():
            return say(f"feature_component_{kind}", number=int(number) + 1)
    return say(f"feature_{name}") if say.has(f"feature_{name}") else name


def _is_drawable(data: ReportData, name: str) -> bool:
    """Only numbers are drawn, and only where both sides have some."""
    return all(
        name in frame.columns and frame.schema[name].is_numeric() and frame[name].is_finite().any()
        for frame in (data.before, data.now)
    )


def _multiples(
    figure: Figure, data: ReportData, shown: list[str], index: dict[str, float], say: Language
) -> None:
    grid = figure.subplots((len(shown) + 1) // 2, 2, squeeze=False)
    for axes, name in zip(grid.flat, shown, strict=False):
        _compare(axes, *(_finite(frame[name]) for frame in (data.before, data.now)))
        title = feature_name(name, say)
        axes.set_title(title if len(title) < 27 else title[:26] + "…", fontsize=8)
        axes.annotate(
            say.number(index[name], 2), (1, 0.98), xycoords="axes fraction", ha="right", va="top",
            color=ACCENT, fontsize=8,
        )  # fmt: skip
        labelled(axes)
    for axes in grid.flat[len(shown) :]:
        axes.set_visible(False)


def _finite(values: pl.Series) -> np.ndarray:
    known: np.ndarray = values.filter(values.is_finite()).to_numpy().astype(np.float64)
    return known


def _compare(axes: Axes, before: np.ndarray, now: np.ndarray) -> None:
    both = np.concatenate([before, now])
    low, high = np.quantile(both, [0.01, 0.99])
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for values, colour, width, fill in ((before, MUTED, 1.0, True), (now, ACCENT, 1.5, False)):
        shares = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)
        axes.stairs(
            shares, edges, color=colour, linewidth=width, fill=fill, alpha=0.25 if fill else 1
        )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4)
    axes.margins(y=0.2)
