"""The linear stage of every activity, and what the trees start from: its out-of-fold logits."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vkflow.activities import ACTIVITY_NAMES
from vkflow.modelling.linear import LinearFit, Matrix, Sample, fit_linear, linear_logits
from vkflow.modelling.metrics import Floats, sigmoid
from vkflow.modelling.replicates import draw_replicates, owner_weeks
from vkflow.modelling.splits import GAP, TEST, TRAIN, VALIDATION
from vkflow.modelling.training_set import Recipe, Rows, TrainingSet
from vkflow.modelling.weights import information, relative_variance
from vkflow.threads import map_threads, one_thread

LEARNT = (TRAIN, VALIDATION, TEST, GAP)
"""What the bundle learns from in the end; until it is judged, only from the first two."""
PASSES = 2
MIN_EVENTS = 50
"""Below it an owner's rate is all that can be known of an activity."""


@dataclass(frozen=True)
class LinearStage:
    """The fits of all activities that can be learnt; no parameter of the trees changes them.

    Attributes:
        fits: by activity.
        variances: relative variance of rates around what is expected of them, by activity.
        replicates: what else the final coefficients could have been, by activity: deviations,
            from :func:`vkflow.modelling.replicates.draw_replicates`.
        offsets: logits of every post by activity, never by a fit that saw the post itself.
        skipped: why an activity cannot be learnt.
    """

    fits: Mapping[str, LinearFit]
    variances: Mapping[str, float]
    replicates: Mapping[str, Matrix]
    offsets: Mapping[str, Floats]
    skipped: Mapping[str, str]


def fit_linear_stage(
    data: TrainingSet, recipe: Recipe, min_posts: int, threads: int
) -> LinearStage:
    """Fit each activity with enough labelled posts in every split.

    Args:
        data: from :func:`vkflow.modelling.training_set.prepare`.
        recipe: from the same.
        min_posts: labelled training posts below which an activity is skipped.
        threads: that share the activities.
    """
    reasons = {name: _reason_to_skip(data, name, min_posts) for name in ACTIVITY_NAMES}
    learnt = [name for name in ACTIVITY_NAMES if not reasons[name]]
    with one_thread():
        fitted = dict(map_threads(lambda name: _fit_linear(data, name), learnt, threads))
    fits = {name: fit for name, (fit, _, _) in fitted.items()}
    variances = {name: variance for name, (_, variance, _) in fitted.items()}
    replicates = {name: drawn for name, (_, _, drawn) in fitted.items()}
    skipped = {name: reason for name, reason in reasons.items() if reason}
    return LinearStage(fits, variances, replicates, _offsets(data, recipe, fits), skipped)


def _reason_to_skip(data: TrainingSet, activity: str, min_posts: int) -> str | None:
    sizes = {split: len(data.rows(activity, split)) for split in (TRAIN, VALIDATION, TEST)}
    if not any(sizes.values()):
        return "no post has a known count"
    if sizes[TRAIN] < min_posts or min(sizes.values()) == 0:
        found = ", ".join(f"{number} {split}" for split, number in sizes.items())
        return f"too few labelled posts: {found}; {min_posts} are needed for training"
    events = int(data.counts[activity][data.rows(activity, TRAIN)].sum())
    if events < MIN_EVENTS:
        return f"it happened {events} times in the training window, {MIN_EVENTS} are needed"
    return None


def _fit_linear(data: TrainingSet, activity: str) -> tuple[LinearFit, float, Matrix]:
    """The fit, the relative variance of rates around it, and what else it could have been.

    How much a post teaches depends on what is expected of it, which only a fit can tell: the first
    one takes all posts for alike, the second knows better.
    """
    rows = np.intersect1d(data.linear_rows, data.rows(activity, *LEARNT))
    places = np.searchsorted(data.linear_rows, rows)
    counts, exposures = data.outcomes(activity, rows)
    design, split = data.linear_design[places], data.keys["split"].to_numpy()[rows]
    blocks = data.blocks[rows]
    training = split == TRAIN
    expected = np.full(len(rows), counts[training].sum() / exposures[training].sum())
    start = None
    for _ in range(PASSES):
        variance = relative_variance(counts[training], exposures[training], expected[training])
        sample = Sample(design, counts / exposures, information(exposures, expected, variance))
        fit = fit_linear(sample, split, blocks, start)
        start = fit.training
        expected = sigmoid(_unseen_logits(design, split, blocks, fit))
    variance = relative_variance(counts[training], exposures[training], expected[training])
    drawn = draw_replicates(
        sample, fit.final, fit.penalty, owner_weeks(data.keys[rows]), ACTIVITY_NAMES.index(activity)
    )
    return fit, variance, drawn


def _unseen_logits(
    design: Matrix, split: NDArray[np.object_], blocks: Rows, fit: LinearFit
) -> Floats:
    """Logits of each post by a fit that has not seen it.

    A training post gets the fit without its block of time, a validation post the fit on the
    training posts, all others the fit on both.
    """
    fits = {"judged": fit.judged, "training": fit.training}
    fits |= {str(block): fold for block, fold in enumerate(fit.folds)}
    which = np.where(split == VALIDATION, "training", "judged").astype(object)
    which[blocks >= 0] = blocks[blocks >= 0].astype(str)
    logits = np.empty(len(design))
    for name, values in linear_logits(design, fits).items():
        logits[which == name] = values[which == name]
    return logits


def _offsets(
    data: TrainingSet, recipe: Recipe, linear: Mapping[str, LinearFit]
) -> dict[str, Floats]:
    """Logits of the linear stage for every post, never by a fit that saw the post itself."""
    split = data.keys["split"].to_numpy()
    offsets = {name: np.empty(len(split)) for name in linear}
    start = 0
    for chunk in data.read_posts() if linear else ():
        rows = slice(start, start + len(chunk))
        design = recipe.design.matrix(chunk, data.features[rows])
        for name, fit in linear.items():
            offsets[name][rows] = _unseen_logits(design, split[rows], data.blocks[rows], fit)
        start += len(chunk)
    return offsets
