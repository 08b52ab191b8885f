"""The style of all figures, and how they become inline SVG."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from cycler import cycler
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from vkflow.insights.report.language import Language

ACCENT, INK, MUTED, RULE, WARM = "#0b5a8a", "#22262a", "#6a7178", "#d9dde1", "#b35806"
# Blue and orange differ for the colour-blind, and in grey the middle is the lightest.
DIVERGING = LinearSegmentedColormap.from_list(
    "report", [WARM, "#f6b26b", "#f7f7f7", "#7fb2d1", ACCENT]
)
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vkflow",
    "text.parse_math": False,  # a dollar sign is a dollar sign
    "axes.formatter.use_mathtext": False,
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": RULE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=[ACCENT]),
    "text.color": INK,
    "xtick.color": RULE,
    "ytick.color": RULE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
}
WIDTH = 4.7
"""Inches; a phone shows it nearly at full size, a desk two beside each other."""


def drawn(paint: Callable[[Figure], None], label: str, height: float = 3.0) -> Markup:
    """An inline SVG of what ``paint`` draws.

    Args:
        paint: draws into a figure.
        label: what the figure shows, for people who do not see it.
        height: inches.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        paint(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    view = re.search(r'viewBox="[^"]*"', body)
    head = f'<svg role="img" aria-label="{escape(label)}" {view[0] if view else ""}>'
    # matplotlib escapes the texts it writes.
    return Markup(head + body[body.index(">") + 1 :])  # noqa: S704


def numbered(axis: Axis, say: Language, unit: str = "") -> None:
    """Write the numbers of an axis in the form of the language."""
    axis.set_major_formatter(lambda value, _place: say.plain(value) + (unit if value else ""))


def panels(figure: Figure, n: int) -> list[Axes]:
    """Axes for n small pictures in two columns; a place that is left over stays empty."""
    grid = list(figure.subplots((n + 1) // 2, 2, squeeze=False).flat)
    for axes in grid[n:]:
        axes.set_visible(False)
    return grid[:n]


def predicted_and_observed(figure: Figure, say: Language) -> None:
    """Name what all panels of a figure have on their axes."""
    figure.supxlabel(say("axis_predicted"), fontsize=8.5, color=MUTED)
    figure.supylabel(say("axis_observed"), fontsize=8.5, color=MUTED)


def labelled(axes: Axes, x: str = "", y: str = "") -> None:
    """Name what is on the axes."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.tick_params(length=0)
