"""Predictions of posts beside their outcomes, the baselines, and the best that was possible."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.forecasts import Forecasts
from vkflow.modelling.metrics import SMALLEST, Floats
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.splits import TEST
from vkflow.modelling.training_set import TrainingSet, align_outcomes
from vkflow.modelling.weights import effective_sample_sizes, intraclass_correlation

FEW_OWNERS = 10


@dataclass(frozen=True)
class EvaluatedPosts:
    """One activity on the test window.

    Attributes:
        rows: positions of its posts in the training set.
        blocks: what is resampled together, by post: its owner; where there are fewer than ten
            owners, its owner's week, since a few owners would give no interval at all.
        forecasts: predictions beside outcomes.
        oracle: the best possible predictions; on sample posts only.
        is_fallback: whether the owner rate predicts it, since there is no model.
    """

    rows: NDArray[np.int64]
    blocks: NDArray[np.int64]
    forecasts: Forecasts
    oracle: Floats | None
    is_fallback: bool = False

    def part(self, chosen: NDArray[np.bool_]) -> "EvaluatedPosts":
        """Only the chosen posts; chosen: bool, shape (posts,)."""
        oracle = None if self.oracle is None else self.oracle[chosen]
        return replace(
            self,
            rows=self.rows[chosen],
            blocks=self.blocks[chosen],
            forecasts=self.forecasts[chosen],
            oracle=oracle,
        )


def judge(
    data: TrainingSet,
    priors: Mapping[str, RatePrior],
    predictions: Mapping[str, Floats],
    oracle: pl.DataFrame | None,
) -> dict[str, EvaluatedPosts]:
    """Put the predictions of the test window beside outcomes and baselines.

    Args:
        data: from :func:`vkflow.modelling.training_set.prepare`.
        priors: the baselines are the prior's rate, and the smoothed owner rate.
        predictions: of all posts by activity, shape (posts,); an activity without is predicted by
            its owner rate.
        oracle: owner_id, post_id, activity, oracle; on sample posts only.

    Returns:
        By activity, for those with labelled posts in the test window.
    """
    judged = {}
    for activity, prior in priors.items():
        rows = data.rows(activity, TEST)
        if len(rows):
            outcomes = data.outcomes(activity, rows)
            judged[activity] = _judged(
                activity, rows, data.keys, data.history, outcomes, prior, predictions, oracle
            )
    return judged


def judge_posts(
    posts: pl.DataFrame,
    outcomes: pl.DataFrame,
    priors: Mapping[str, RatePrior],
    predictions: Mapping[str, Floats],
    oracle: pl.DataFrame | None,
) -> dict[str, EvaluatedPosts]:
    """The same for posts outside of any training set.

    Args:
        posts: rows of ``warehouse.features.selected_features``.
        outcomes: owner_id, post_id, activity, exposures, count of these posts.
        priors: as in :func:`judge`.
        predictions: of these posts by activity, shape (posts,).
        oracle: as in :func:`judge`.
    """
    counts, exposures = align_outcomes(posts, outcomes)
    judged = {}
    for activity, prior in priors.items():
        rows = np.flatnonzero(~np.isnan(counts[activity]))
        if len(rows):
            known = (counts[activity][rows], exposures[activity][rows])
            judged[activity] = _judged(
                activity, rows, posts, posts, known, prior, predictions, oracle
            )
    return judged


def _judged(
    activity: str,
    rows: NDArray[np.int64],
    keys: pl.DataFrame,
    history: pl.DataFrame,
    outcomes: tuple[Floats, Floats],
    prior: RatePrior,
    predictions: Mapping[str, Floats],
    oracle: pl.DataFrame | None,
) -> EvaluatedPosts:
    owner_rate = smoothed_rates(history[rows], activity, prior)
    predicted = predictions[activity][rows] if activity in predictions else owner_rate
    forecasts = Forecasts(
        counts=outcomes[0],
        exposures=outcomes[1],
        probabilities=np.clip(predicted, SMALLEST, 1 - SMALLEST),
        global_rate=np.full(len(rows), prior.rate),
        owner_rate=owner_rate,
        sizes=effective_sample_sizes(outcomes[1], intraclass_correlation(*outcomes)),
        weights=np.ones(len(rows)),
    )
    chosen = keys.select("owner_id", "post_id")[rows]
    best = None if oracle is None else _oracle(chosen, activity, oracle)
    blocks = resampling_blocks(keys[rows])
    return EvaluatedPosts(rows, blocks, forecasts, best, is_fallback=activity not in predictions)


def resampling_blocks(posts: pl.DataFrame) -> NDArray[np.int64]:
    """Which posts are resampled together: an owner's, or, with few owners, an owner's of a week.

    Args:
        posts: owner_id, published_at (null: one block an owner).

    Returns:
        A number for each post, equal within a block, int64, shape (posts,).
    """
    block = pl.col("owner_id")
    if posts["owner_id"].n_unique() < FEW_OWNERS:
        week = pl.col("published_at").dt.epoch("d") // 7
        block = pl.struct(block, week.alias("week")).hash(seed=0).reinterpret(signed=True)
    return posts.select(block.alias("block"))["block"].to_numpy()


def _oracle(keys: pl.DataFrame, activity: str, oracle: pl.DataFrame) -> Floats | None:
    """The oracle's conversions of these posts; ``None`` when any of them is no sample post."""
    joined = keys.join(
        oracle.filter(pl.col("activity") == activity),
        on=["owner_id", "post_id"],
        how="left",
        maintain_order="left",
    )["oracle"]
    return None if joined.null_count() else joined.to_numpy().astype(np.float64)
