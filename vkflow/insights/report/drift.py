"""Section 6: features and predictions that have moved since the model was trained."""

from textwrap import wrap
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.figures import ACCENT, MUTED, drawn, labelled, numbered, panels
from vkflow.insights.report.language import Language
from vkflow.modelling.drift import GROWING
from vkflow.modelling.metrics import Floats, sigmoid

SHOWN = 8
BINS = 12
MAX_CATEGORIES = 4
TITLE_WIDTH = 24
NOTICEABLE = 0.1
"""Below it a shift does not matter (Siddiqi 2006, Credit Risk Scorecards, chapter 9)."""


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
    n_moved = len(moved.filter(pl.col("stability_index") > pl.col("bound").fill_null(NOTICEABLE)))
    section["lead"] = say(
        "drift_lead",
        posts=say.plural("posts", len(data.now)),
        moved=say.number(n_moved),
        all=say.number(len(moved)),
    )
    if shown:
        height = 1.6 * ((len(shown) + 1) // 2) + 0.3
        section["figures"] = [
            {
                "svg": drawn(
                    lambda f: _multiples(f, data, shown, index, say), say("drift_title"), height
                ),
                "title": say("multiples_title"),
                "caption": say("multiples_caption"),
            }
        ]
    return section


def feature_name(name: str, say: Language) -> str:
    """What people call a feature or, after p_, the prediction of an activity."""
    if name.startswith("p_") and name[2:] in ACTIVITY_NAMES:
        return say("feature_prediction", activity=say.activity(name[2:]))
    for activity in sorted(ACTIVITY_NAMES, key=len, reverse=True):
        for kind in ("logit", "trend"):
            if name == f"owner_{activity}_{kind}":
                return say(f"feature_owner_{kind}", activity=say.activity(activity))
        for kind in ("similar", "similar_own"):
            if name == f"{kind}_{activity}_lift":
                return say(f"feature_{kind}_lift", activity=say.activity(activity))
    for kind in ("text", "image"):
        number = name.removeprefix(f"{kind}_")
        if number.isdigit():
            return say(f"feature_component_{kind}", number=int(number) + 1)
    return say(f"feature_{name}") if say.has(f"feature_{name}") else name


def _is_drawable(data: ReportData, name: str) -> bool:
    """Only where both sides know some values."""
    return all(
        name in frame.columns and len(_known(frame[name])) for frame in (data.before, data.now)
    )


def _multiples(
    figure: Figure, data: ReportData, shown: list[str], index: dict[str, float], say: Language
) -> None:
    for axes, name in zip(panels(figure, len(shown)), shown, strict=True):
        before, now = _known(data.before[name]), _known(data.now[name])
        if before.dtype == pl.String:
            _compare_categories(axes, before, now, data)
        else:
            is_rate = name.startswith("p_") or name.endswith("_logit")
            _compare(axes, *(_values(values, name) for values in (before, now)))
            numbered(axes.xaxis, say, say("percent_sign") if is_rate else "")
        axes.set_title("\n".join(wrap(feature_name(name, say), TITLE_WIDTH)), fontsize=8)
        axes.annotate(
            say.number(index[name], 2), (1, 0.98), xycoords="axes fraction", ha="right", va="top",
            color=ACCENT, fontsize=8,
        )  # fmt: skip
        labelled(axes)


def _known(values: pl.Series) -> pl.Series:
    return values.drop_nulls() if values.dtype == pl.String else values.filter(values.is_finite())


def _values(values: pl.Series, name: str) -> Floats:
    """Numbers as people read them: rates in percent, not as logits."""
    numbers = values.to_numpy().astype(np.float64)
    if name.endswith("_logit"):
        return 100 * sigmoid(numbers)
    return 100 * numbers if name.startswith("p_") else numbers


def _compare_categories(axes: Axes, before: pl.Series, now: pl.Series, data: ReportData) -> None:
    """Shares of the categories whose shares differ most."""
    names = sorted(set(before) | set(now))
    shares = {name: ((before == name).mean() or 0.0, (now == name).mean() or 0.0) for name in names}
    moved = sorted(names, key=lambda name: -abs(shares[name][0] - shares[name][1]))[:MAX_CATEGORIES]
    place = np.arange(len(moved))[::-1]
    axes.barh(place, [shares[n][0] for n in moved], height=0.7, color=MUTED, alpha=0.25)
    axes.plot([shares[n][1] for n in moved], place, "o", color=ACCENT, markersize=4)
    axes.set_yticks(place, [data.category(name) for name in moved], fontsize=7.5)
    axes.set_xlim(left=-0.02)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _compare(axes: Axes, before: Floats, now: Floats) -> None:
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
    axes.locator_params(axis="x", nbins=3)
    axes.margins(y=0.2)
