"""Which models tonight's bundle keeps, and whether it takes over."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from vkflow.modelling.evaluation import metrics_table
from vkflow.modelling.judging import judge
from vkflow.modelling.owner_rates import RatePrior
from vkflow.modelling.registry import gain_over_owner
from vkflow.modelling.training import Trained
from vkflow.modelling.training_set import TrainingSet
from vkflow.settings.sections import TrainingSettings

GAIN = gain_over_owner.__name__
MARGIN = 0.005
"""Relative difference in log loss that is none."""
LONG_RUN_DAYS = 28
"""A challenger is compared with the champion of so long ago, too. With one of last night it shares
only a night's posts to be judged on, and each of many small losses passes for chance."""
AGAINST_CHAMPION, AGAINST_EARLIER = "loss_against_champion", "loss_against_earlier_champion"
INCUMBENTS = {
    AGAINST_CHAMPION: "the champion",
    AGAINST_EARLIER: f"the champion of {LONG_RUN_DAYS} days ago",
}
"""Those a challenger must not be worse than, by the metric that tells."""


@dataclass(frozen=True)
class Decision:
    """Promoted or not, and why, in one sentence."""

    promoted: bool
    reason: str


def decide_promotion(metrics: pl.DataFrame, *, has_champion: bool) -> Decision:
    """Whether the challenger takes over, from its figures on the test window.

    With a champion, both were judged on the posts of the test window that neither has learnt from:
    the challenger must beat both baselines, and must not be worse: neither beyond chance, nor by
    more than ``MARGIN`` as far as these posts can tell; nor may it be worse than the champion of
    ``LONG_RUN_DAYS`` ago, since small losses add up. The newer of two that cannot be told apart has
    learnt from newer posts. The very first bundle only has to be no worse than the owner rate:
    where a model cannot beat it, the bundle predicts the owner rate itself.

    Args:
        metrics: activity, split, metric, value, low, high; those of ``INCUMBENTS`` are among
            them if there is such a bundle, and posts it has not learnt from.
        has_champion: whether another bundle is in use.
    """
    overall = metrics.filter(pl.col("activity") == "all", pl.col("split") == "test")
    figures = {row["metric"]: row for row in overall.to_dicts()}
    if not figures:
        return Decision(False, "no activity has labelled posts in the test window")
    over_global, over_owner = (figures[f"gain_over_{name}"] for name in ("global", "owner"))
    gains = (
        f"mean gain on the test window {over_global['value']:+.1%} over the global rate and "
        f"{over_owner['value']:+.1%} over the owner rate"
    )
    champion = figures.get(AGAINST_CHAMPION)
    if not has_champion and over_owner["value"] >= 0:
        return Decision(True, f"the first bundle: {gains}")
    if min(over_global["value"], over_owner["value"]) <= 0:
        return Decision(False, f"it does not beat both baselines: {gains}")
    for metric, incumbent in INCUMBENTS.items():
        if metric in figures and _is_worse(figures[metric]):
            return Decision(False, f"worse than {incumbent}, {_against(figures[metric])}: {gains}")
    if champion is None:
        return Decision(True, f"no post that the champion has not learnt from: {gains}")
    return Decision(True, f"{gains}, {_against(champion)} against the champion")


def drop_weak_models(
    trained: Trained,
    data: TrainingSet,
    priors: Mapping[str, RatePrior],
    settings: TrainingSettings,
) -> Trained:
    """Without the models that are worse than the owner rate on the test window.

    Decided activity by activity, by what also tells a challenger from its champion: where a model
    is worse its owner rate predicts, and the models of other activities are not held up.

    Args:
        trained: from :func:`vkflow.modelling.training.train`.
        data: what it was trained on.
        priors: of the owner rates, by activity.
        settings: how many resamples, and their seed.
    """
    gains = metrics_table(
        judge(data, priors, trained.predictions, oracle=None),
        {GAIN: gain_over_owner},
        samples=settings.bootstrap_samples,
        seed=settings.seed,
    )
    reasons = {}
    for gain in gains.filter(
        pl.col("activity").is_in(list(trained.models)), metric=GAIN
    ).to_dicts():
        loss = {"value": -gain["value"], "low": -gain["high"], "high": -gain["low"]}
        if _is_worse(loss):
            against = f"{_against(loss)} against it"
            reasons[gain["activity"]] = f"worse than the owner's rate on the test window, {against}"
    return trained.without(reasons)


def _is_worse(loss: dict[str, float]) -> bool:
    """Worse beyond chance or, as far as can be told, beyond the margin; not where none can be."""
    return loss["high"] > MARGIN and (loss["low"] > 0 or loss["value"] > MARGIN)


def _against(loss: dict[str, float]) -> str:
    low, high = loss["low"], loss["high"]
    return f"log loss {loss['value']:+.2%} (95 %: {low:+.2%} to {high:+.2%})"
