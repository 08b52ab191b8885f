"""Whether tonight's bundle takes over."""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Decision:
    """Promoted or not, and why, in one sentence."""

    promoted: bool
    reason: str


def decide_promotion(metrics: pl.DataFrame, *, has_champion: bool) -> Decision:
    """Promote a bundle that beats both baselines on the mean over activities.

    The very first bundle only has to be no worse than the owner rate: where a model cannot beat
    it, the bundle predicts the owner rate itself, and that is better than an empty table.

    Args:
        metrics: from :func:`vkflow.modelling.evaluation.metrics_table`.
        has_champion: whether another bundle is in use.
    """
    overall = dict(
        metrics.filter(pl.col("activity") == "all").select("metric", "value").iter_rows()
    )
    if not overall:
        return Decision(False, "no activity has labelled posts in the test window")
    gains = {
        "the global rate": overall["gain_over_global"],
        "the owner rate": overall["gain_over_owner"],
    }
    text = " and ".join(f"{gain:+.1%} over {name}" for name, gain in gains.items())
    if min(gains.values()) > 0:
        return Decision(True, f"mean gain on the test window: {text}")
    if not has_champion and gains["the owner rate"] >= 0:
        return Decision(True, f"the first bundle; mean gain on the test window: {text}")
    return Decision(False, f"it does not beat both baselines; mean gain on the test window: {text}")
