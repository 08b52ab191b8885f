"""The linear stage of every activity, and what the trees start from: its out-of-fold logits."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vkflow.activities import ACTIVITY_NAMES
from vkflow.modelling.linear import LinearFit, Sample, fit_linear, linear_logits
from vkflow.modelling.metrics import Floats
from vkflow.modelling.splits import TEST, TRAIN, VALIDATION
from vkflow.modelling.training_set import Recipe, TrainingSet
from vkflow.modelling.weights import effective_sample_sizes, overdispersion


@dataclass(frozen=True)
class LinearStage:
    """The fits of all activities that can be learnt; no parameter of the trees changes them.

    Attributes:
        fits: by activity.
        offsets: logits of every post by activity, never by a fit that saw the post itself.
        skipped: why an activity cannot be learnt.
    """

    fits: Mapping[str, LinearFit]
    offsets: Mapping[str, Floats]
    skipped: Mapping[str, str]


def fit_linear_stage(data: TrainingSet, recipe: Recipe, min_posts: int) -> LinearStage:
    """Fit each activity with enough labelled posts in every split.

    Args:
        data: from :func:`vkflow.modelling.training_set.prepare`.
        recipe: from the same.
        min_posts: labelled training posts below which an activity is skipped.
    """
    reasons = {name: _reason_to_skip(data, name, min_posts) for name in ACTIVITY_NAMES}
    fits = {name: _fit_linear(data, name) for name in ACTIVITY_NAMES if not reasons[name]}
    skipped = {name: reason for name, reason in reasons.items() if reason}
    return LinearStage(fits, _offsets(data, recipe, fits), skipped)


def view_correlation(data: TrainingSet, activity: str) -> float:
    """Correlation of the views within a training post, as estimated."""
    return overdispersion(*data.outcomes(activity, data.rows(activity, TRAIN)))


def _reason_to_skip(data: TrainingSet, activity: str, min_posts: int) -> str | None:
    sizes = {split: len(data.rows(activity, split)) for split in (TRAIN, VALIDATION, TEST)}
    if not any(sizes.values()):
        return "no post has a known count"
    if sizes[TRAIN] < min_posts or min(sizes.values()) == 0:
        found = ", ".join(f"{number} {split}" for split, number in sizes.items())
        return f"too few labelled posts: {found}; {min_posts} are needed for training"
    if not data.counts[activity][data.rows(activity, TRAIN)].any():
        return "it never happened in the training window"
    return None


def _fit_linear(data: TrainingSet, activity: str) -> LinearFit:
    correlation = view_correlation(data, activity)
    training = _linear_sample(data, activity, TRAIN, correlation)
    validation = _linear_sample(data, activity, VALIDATION, correlation)
    rows = np.intersect1d(data.linear_rows, data.rows(activity, TRAIN))
    return fit_linear(training, validation, data.blocks[rows])


def _linear_sample(data: TrainingSet, activity: str, split: str, correlation: float) -> Sample:
    rows, places, _ = np.intersect1d(
        data.linear_rows, data.rows(activity, split), assume_unique=True, return_indices=True
    )
    counts, chances = data.outcomes(activity, rows)
    return Sample(
        data.linear_design[places],
        counts / chances,
        effective_sample_sizes(chances, correlation),
    )


def _offsets(
    data: TrainingSet, recipe: Recipe, linear: Mapping[str, LinearFit]
) -> dict[str, Floats]:
    """Logits of the linear stage for every post, never by a fit that saw the post itself.

    A training post gets the fit without its block of time, a validation post the fit on the
    training posts, all others the fit on both.
    """
    if not linear:
        return {}
    split = data.keys["split"].to_numpy()
    offsets = {name: np.empty(len(split)) for name in linear}
    start = 0
    for chunk in data.read_posts():
        rows = np.arange(start, start + len(chunk))
        design = recipe.design.matrix(chunk, data.features[start : start + len(chunk)])
        for name, fit in linear.items():
            fits = {"final": fit.final, "training": fit.training}
            fits |= {str(block): fold for block, fold in enumerate(fit.folds)}
            values = linear_logits(design, fits)
            which = np.where(split[rows] == VALIDATION, "training", "final").astype(object)
            training = data.blocks[rows] >= 0
            which[training] = data.blocks[rows][training].astype(str)
            for fitted, logits in values.items():
                chosen = which == fitted
                offsets[name][rows[chosen]] = logits[chosen]
        start += len(chunk)
    return offsets
