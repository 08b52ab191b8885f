"""Labelled posts made ready for learning: split, features, design, outcomes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.activities import ACTIVITY_NAMES
from vkflow.modelling.design import Design, fit_design
from vkflow.modelling.features import MEMBERS, FeatureRecipe, text_components
from vkflow.modelling.linear import FOLDS
from vkflow.modelling.metrics import Floats
from vkflow.modelling.neighbours import align_first_counts, fit_neighbours
from vkflow.modelling.owner_rates import RatePrior, fit_priors
from vkflow.modelling.reducers import FIT_ROWS, Reducer, fit_reducer
from vkflow.modelling.splits import TRAIN, hashed_places, split_posts
from vkflow.modelling.vectors import as_matrix
from vkflow.settings.sections import TrainingSettings

ReadPosts = Callable[[], Iterator[pl.DataFrame]]
"""Reads the labelled posts anew, in chunks, always in the same order."""

Rows = NDArray[np.int64]
Matrix = NDArray[np.float32]

LINEAR_ROWS = 40_000
"""Posts the linear stage is fitted on at most, so that memory stays bounded."""


@dataclass(frozen=True)
class TrainingSet:
    """Labelled posts with everything a model or a baseline needs, one row a post.

    Attributes:
        keys: owner_id, post_id, published_at, split.
        history: the ``history_…`` columns.
        features: the table of the recipe.
        counts: activities of each post by name, NaN where unknown.
        exposures: views of each post by name, NaN where unknown.
        linear_rows: positions of the posts the linear stage is fitted on.
        linear_design: their rows of the design matrix.
        blocks: block of time of each post, 0 to ``FOLDS`` - 1; -1 outside of training.
        read_posts: reads the posts again, for their design.
    """

    keys: pl.DataFrame
    history: pl.DataFrame
    features: pl.DataFrame
    counts: Mapping[str, Floats]
    exposures: Mapping[str, Floats]
    linear_rows: Rows
    linear_design: Matrix
    blocks: Rows
    read_posts: ReadPosts

    def rows(self, activity: str, *splits: str) -> Rows:
        """Positions of the posts of some splits whose outcome is known."""
        known = ~np.isnan(self.counts[activity])
        return np.flatnonzero(known & self.keys["split"].is_in(splits).to_numpy())

    def outcomes(self, activity: str, rows: Rows) -> tuple[Floats, Floats]:
        """Counts and exposures of posts, each shape (rows,)."""
        return self.counts[activity][rows], self.exposures[activity][rows]


@dataclass(frozen=True)
class Recipe:
    """How posts become features and rows of the design; fitted on the training split only."""

    features: FeatureRecipe
    design: Design


def prepare(
    read_posts: ReadPosts,
    outcomes: pl.DataFrame,
    first_counts: pl.DataFrame,
    categories: Sequence[str],
    settings: TrainingSettings,
    gap: timedelta,
) -> tuple[Recipe, TrainingSet]:
    """Split the posts, fit the recipe on the training split, and compute all features.

    Args:
        read_posts: reads the labelled posts in chunks.
        outcomes: owner_id, post_id, activity, exposures, count of the same posts.
        first_counts: what was known of them first, and when.
        categories: of the taxonomy in use, empty without pictures.
        settings: shares of the splits, numbers of components.
        gap: the label maturity.
    """
    keys, history = _read_keys(read_posts)
    shares = {"validation_share": settings.validation_share, "test_share": settings.test_share}
    keys = keys.with_columns(split_posts(keys, gap=gap, **shares))
    counts, exposures = align_outcomes(keys, outcomes)
    training = (keys["split"] == TRAIN).to_numpy()
    vectors = _sample_vectors(read_posts, training)
    priors = fit_priors(history, counts, exposures, training)
    recipe = _fit_features(history, priors, categories, vectors, settings)
    features = pl.concat([recipe.table(chunk) for chunk in read_posts()])
    if recipe.text_reducer is not None and recipe.priors:
        first = align_first_counts(keys, first_counts)
        neighbours = fit_neighbours(
            text_components(features), keys["owner_id"], history, first, recipe.priors, training
        )
        recipe, features = recipe.with_neighbours(neighbours, features, keys)
    chosen = pl.Series(training)
    owners, texts = keys.filter(chosen)["owner_id"], _sample_texts(read_posts, training)
    design = fit_design(owners, features.filter(chosen), categories, vectors, texts)
    linear_rows = np.flatnonzero(_evenly(np.ones(len(keys), dtype=np.bool_), LINEAR_ROWS))
    data = TrainingSet(
        keys=keys,
        history=history,
        features=features,
        counts=counts,
        exposures=exposures,
        linear_rows=linear_rows,
        linear_design=_design_rows(read_posts, design, features, linear_rows),
        blocks=_blocks(keys, training),
        read_posts=read_posts,
    )
    return Recipe(recipe, design), data


def _fit_features(
    history: pl.DataFrame,
    priors: Mapping[str, RatePrior],
    categories: Sequence[str],
    vectors: Mapping[str, Matrix],
    settings: TrainingSettings,
) -> FeatureRecipe:
    return FeatureRecipe(
        priors=priors,
        categories=tuple(categories),
        text_reducer=_reducer(vectors["text"], settings.text_components),
        image_reducer=_reducer(vectors["image"], settings.image_components),
        time_zone=settings.time_zone,
        owner_time_zones=settings.owner_time_zones,
        knows_members=MEMBERS in history.columns and history[MEMBERS].is_not_null().any(),
    )


def _read_keys(read_posts: ReadPosts) -> tuple[pl.DataFrame, pl.DataFrame]:
    keys, history = [], []
    for chunk in read_posts():
        keys.append(chunk.select("owner_id", "post_id", "published_at"))
        history.append(chunk.select(pl.col(f"^(history_.*|{MEMBERS})$")))
    return pl.concat(keys), pl.concat(history)


def align_outcomes(
    keys: pl.DataFrame, outcomes: pl.DataFrame
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Counts and exposures by activity, float64, shape (posts,), NaN where unknown.

    Args:
        keys: owner_id, post_id of the posts.
        outcomes: owner_id, post_id, activity, exposures, count of those that are known.
    """
    counts, exposures = {}, {}
    for activity in ACTIVITY_NAMES:
        known = outcomes.filter(pl.col("activity") == activity)
        joined = keys.join(known, on=["owner_id", "post_id"], how="left", maintain_order="left")
        counts[activity] = joined["count"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        exposures[activity] = (
            joined["exposures"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
        )
    return counts, exposures


def _sample_vectors(read_posts: ReadPosts, training: NDArray[np.bool_]) -> dict[str, Matrix]:
    """Vectors of evenly spaced training posts, by kind."""
    chosen = _evenly(training, FIT_ROWS)
    parts: dict[str, list[Matrix]] = {"text": [], "image": []}
    start = 0
    for chunk in read_posts():
        rows = pl.Series(chosen[start : start + len(chunk)])
        for kind, found in parts.items():
            vectors, _ = as_matrix(chunk[f"{kind}_embedding"].filter(rows))
            if len(vectors):
                found.append(vectors)
        start += len(chunk)
    nothing = np.empty((0, 0), dtype=np.float32)
    return {kind: np.concatenate(found) if found else nothing for kind, found in parts.items()}


def _sample_texts(read_posts: ReadPosts, training: NDArray[np.bool_]) -> pl.Series:
    """Texts of evenly spaced training posts."""
    chosen = _evenly(training, FIT_ROWS)
    parts, start = [], 0
    for chunk in read_posts():
        parts.append(chunk["text"].filter(pl.Series(chosen[start : start + len(chunk)])))
        start += len(chunk)
    return pl.concat(parts)


def _reducer(vectors: Matrix, components: int) -> Reducer | None:
    return fit_reducer(vectors, components) if len(vectors) > 1 else None


def _evenly(chosen: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """At most ``most`` of the chosen posts, spread evenly over time."""
    stride = -(-int(chosen.sum()) // most) or 1
    spread: NDArray[np.bool_] = chosen & ((np.cumsum(chosen) - 1) % stride == 0)
    return spread


def _design_rows(
    read_posts: ReadPosts, design: Design, features: pl.DataFrame, rows: Rows
) -> Matrix:
    parts, start = [], 0
    for chunk in read_posts():
        end = start + len(chunk)
        inside = rows[(rows >= start) & (rows < end)]
        if len(inside):
            parts.append(design.matrix(chunk[inside - start], features[inside]))
        start = end
    return np.concatenate(parts)


def _blocks(keys: pl.DataFrame, training: NDArray[np.bool_]) -> Rows:
    """Folds of the training posts: blocks of time of equal size; by a hash of the key if undated.

    Undated posts come in the order of their owners, whose whole walls must not be left out at once.
    """
    blocks = np.full(len(training), -1, dtype=np.int64)
    is_undated = keys["published_at"].is_null().to_numpy()
    positions = np.flatnonzero(training & ~is_undated)
    blocks[positions] = np.arange(len(positions)) * FOLDS // max(len(positions), 1)
    undated = np.flatnonzero(training & is_undated)
    blocks[undated] = np.floor(hashed_places(keys[undated]) * FOLDS).astype(np.int64)
    return blocks
