"""The design matrix of the linear stage: one scaled column for everything that may add up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.features import NO_CATEGORY, TEXT_STATISTICS
from vkflow.modelling.vectors import as_matrix
from vkflow.modelling.words import Words, fit_words

Matrix = NDArray[np.float32]

MAX_OWNERS = 200
"""Owners with a column of their own, the most frequent ones; all have their history."""

# Prior standard deviation of a group's effect on the logit scale, relative to one another; a ridge
# penalty shared by all columns means a scale for each group. A vector's is spread over its
# dimensions. Chosen on sample posts, that of the history on real walls, where a strong penalty
# shrank the owner's own rate; the penalty itself is chosen anew every night.
SCALES = {
    "owner": 1.0,
    "history": 1.0,
    "calendar": 0.5,
    "category": 1.0,
    "statistics": 0.5,
    "text": 0.8,
    "image": 0.25,
    "neighbours": 0.3,
    "words": 0.8,
}
SMALLEST_DEVIATION = 1e-6
LIMIT = 3.0
"""Standard deviations at which a column is cut off: what no training post had must not decide.
After a first crawl histories grow for weeks, to 39 deviations of those a model was trained on."""
MIN_DEVIATION = 0.1
"""Of a logit, a logarithm or a share: a column that hardly varied is not blown up."""
MIN_LIFT = 0.3
"""Likewise of a lift: where posts are few, or walls have no tastes, it is mostly noise."""
COUNTED = tuple(name for name in TEXT_STATISTICS if name != "first_line_break")
FLAGGED = (
    "words", "emoji", "urls", "hashtags", "mentions", "question_marks", "exclamation_marks",
    "capital_words", "line_breaks",
)  # fmt: skip
PRESENCE = ("has_image", "has_text", "is_ad", "is_holiday")
HOURS, WEEKDAYS = 24, 7
LONG_TEXT = 280
"""Characters after which VK folds a text behind "show more"."""


@dataclass(frozen=True)
class Standardiser:
    """Mean and standard deviation of columns; constant ones are left at zero.

    Attributes:
        mean: float32, shape (columns,).
        scale: float32, shape (columns,), what to multiply the centred values with.
    """

    mean: Matrix
    scale: Matrix

    def apply(self, values: Matrix, spread: float) -> Matrix:
        """Centre, scale and cut off at ``LIMIT`` times ``spread``; unknown ones become the mean.

        Values are float32, shape (posts, columns).
        """
        standard = np.nan_to_num((values - self.mean) * self.scale, nan=0.0)
        bounded: Matrix = np.clip(standard, -LIMIT * spread, LIMIT * spread).astype(np.float32)
        return bounded


def fit_standardiser(
    values: Matrix, spread: float, min_deviation: float = SMALLEST_DEVIATION
) -> Standardiser:
    """Fit on training posts; afterwards a column has the standard deviation ``spread``.

    A column that varies less than ``min_deviation`` has less; a constant one is left at zero.
    Values are float32, shape (posts, columns), NaN where unknown.
    """
    known = ~np.isnan(values)
    # A column nobody knows anything of has the mean 0, and stays at zero.
    n_known = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0).sum(axis=0, dtype=np.float64) / n_known
    squares = np.where(known, values - mean, 0) ** 2
    deviation = np.sqrt(squares.sum(axis=0, dtype=np.float64) / n_known)
    scale = spread / np.maximum(deviation, min_deviation)
    scale = np.where(deviation > SMALLEST_DEVIATION, scale, 0.0)
    return Standardiser(mean.astype(np.float32), scale.astype(np.float32))


@dataclass(frozen=True)
class Design:
    """How posts become rows of the design matrix.

    Attributes:
        owners: owner ids with a column each.
        categories: of the taxonomy, the last one for "no picture".
        standardisers: by group: history, statistics, and where there are such columns text, image,
            neighbours and words.
        words: known words of texts; ``None`` where the training posts have none.
    """

    owners: tuple[int, ...]
    categories: tuple[str, ...]
    standardisers: Mapping[str, Standardiser]
    words: Words | None = None

    @property
    def width(self) -> int:
        """Columns of :meth:`matrix`."""
        standardised = sum(len(group.mean) for group in self.standardisers.values())
        return 1 + len(self.owners) + HOURS + WEEKDAYS + len(self.categories) + standardised

    def matrix(self, posts: pl.DataFrame, table: pl.DataFrame) -> Matrix:
        """Rows of the design, float32, shape (posts, columns); the first column is 1.

        Args:
            posts: rows of ``warehouse.features.selected_features``.
            table: the features of the same posts.
        """
        standard = self.standardisers
        calendar = [
            _one_hot(table["hour"], range(HOURS)),
            _one_hot(table["weekday"], range(1, WEEKDAYS + 1)),
        ]
        parts = [
            np.ones((len(posts), 1), dtype=np.float32),
            SCALES["owner"] * _one_hot(posts["owner_id"], self.owners),
            standard["history"].apply(history_columns(table), SCALES["history"]),
            *(SCALES["calendar"] * part for part in calendar),
            SCALES["category"] * _one_hot(table["image_category"], self.categories),
            standard["statistics"].apply(statistics_columns(table), SCALES["statistics"]),
            *(
                _standard_vectors(posts[f"{kind}_embedding"], standard[kind], kind)
                for kind in ("text", "image")
                if kind in standard
            ),
        ]
        if "neighbours" in standard:
            lifts = standard["neighbours"].apply(neighbour_columns(table), SCALES["neighbours"])
            parts.append(lifts)
        if self.words is not None:
            coordinates = self.words.reduce(posts["text"])
            parts.append(standard["words"].apply(coordinates, _spread("words", coordinates)))
        return np.concatenate(parts, axis=1, dtype=np.float32)


def fit_design(
    owners: pl.Series,
    table: pl.DataFrame,
    categories: Sequence[str],
    vectors: Mapping[str, Matrix],
    texts: pl.Series,
) -> Design:
    """Fit on training posts.

    Args:
        owners: owner of each training post.
        table: features of the same posts.
        categories: of the taxonomy.
        vectors: vectors of a sample of training posts by kind, ``text`` and ``image``, shape
            (vectors, dimensions).
        texts: of a sample of training posts.
    """
    frequent = owners.value_counts().sort(["count", owners.name], descending=[True, False])
    standardisers = {
        "history": fit_standardiser(history_columns(table), SCALES["history"], MIN_DEVIATION),
        "statistics": fit_standardiser(
            statistics_columns(table), SCALES["statistics"], MIN_DEVIATION
        ),
    }
    lifts = neighbour_columns(table)
    if lifts.shape[1]:
        standardisers["neighbours"] = fit_standardiser(lifts, SCALES["neighbours"], MIN_LIFT)
    for kind, sample in vectors.items():
        if len(sample) > 1:
            standardisers[kind] = fit_standardiser(sample, _spread(kind, sample))
    words = fit_words(texts)
    if words is not None:
        coordinates = words.reduce(texts)
        standardisers["words"] = fit_standardiser(coordinates, _spread("words", coordinates))
    return Design(
        owners=tuple(frequent[owners.name].head(MAX_OWNERS).to_list()),
        categories=(*categories, NO_CATEGORY),
        standardisers=standardisers,
        words=words,
    )


def history_columns(table: pl.DataFrame) -> Matrix:
    """Logits of the owner's rates, and how much is known of it, shape (posts, columns)."""
    return table.select(
        pl.col("^owner_.*_logit$"),
        pl.col("^owner_.*_trend$"),
        pl.col("^owner_(posts|views_per_post|members)$").log1p(),
    ).to_numpy()


def neighbour_columns(table: pl.DataFrame) -> Matrix:
    """What similar posts got, shape (posts, columns); no column where no post has a text."""
    return table.select(pl.col("^similar_.*_lift$")).to_numpy()


def statistics_columns(table: pl.DataFrame) -> Matrix:
    """Logarithms of counts, whether there is any, presence of the parts of a post, their match.

    Returns:
        float32, shape (posts, columns).
    """
    return table.select(
        *(pl.col(name).clip(0).log1p() for name in COUNTED),
        *((pl.col(name) > 0).cast(pl.Float32).alias(f"any_{name}") for name in FLAGGED),
        (pl.col("characters") > LONG_TEXT).cast(pl.Float32).alias("is_long"),
        *PRESENCE,
        "text_image_similarity",
    ).to_numpy()


def _one_hot(column: pl.Series, values: Sequence[object]) -> Matrix:
    """A column for each value; all zero for others and for unknown."""
    places = {value: place for place, value in enumerate(values)}
    if column.dtype.is_float():
        column = column.fill_nan(None).cast(pl.Int64)
    found = column.replace_strict(places, default=-1, return_dtype=pl.Int32).fill_null(-1)
    place = found.to_numpy()
    matrix = np.zeros((len(column), len(places)), dtype=np.float32)
    known = np.flatnonzero(place >= 0)
    matrix[known, place[known]] = 1
    return matrix


def _spread(kind: str, vectors: Matrix) -> float:
    """Standard deviation of one dimension of a vector's effect; shape (vectors, dimensions)."""
    return SCALES[kind] / float(np.sqrt(vectors.shape[1]))


def _standard_vectors(column: pl.Series, standardiser: Standardiser, kind: str) -> Matrix:
    """Standardised vectors; a post without one stands at the mean."""
    vectors, present = as_matrix(column)
    rows = np.zeros((len(column), len(standardiser.mean)), dtype=np.float32)
    if len(vectors):
        rows[present] = standardiser.apply(vectors, _spread(kind, vectors))
    return rows
