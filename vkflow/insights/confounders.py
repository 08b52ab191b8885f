"""What advice is adjusted for: owner, topic, style and the other levers, as one matrix a post."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.insights.levers import IMPLIED, LEVERS, Lever, as_lever, read_levers
from vkflow.modelling.metrics import Floats
from vkflow.modelling.reducers import FIT_ROWS, Reducer, fit_reducer
from vkflow.modelling.vectors import as_matrix

TOPIC_COMPONENTS: Final = 96
"""Principal components of the text vectors that stand for what a post is about."""

STYLE: Final = ("exclamation_marks", "mentions", "numbers", "line_breaks")
"""Statistics that are no levers but go with some: whether a text has any is adjusted for."""

Chunks = Callable[[], Iterable[pl.DataFrame]]
"""Gives the labelled posts, in chunks, in the same order, as often as asked."""


@dataclass(frozen=True)
class StudiedPosts:
    """Posts whose outcome is known, as the estimates see them.

    Attributes:
        keys: owner_id, post_id.
        owner_ids: int64, shape (owners,), ascending.
        owner: int64, shape (posts,): the place of a post's owner in ``owner_ids``.
        confounders: float64, shape (posts, columns): topic and style, standardised.
        levers: those with at least two levels, by name.
        seen: level of each post by lever, rare ones included.
    """

    keys: pl.DataFrame
    owner_ids: NDArray[np.int64]
    owner: NDArray[np.int64]
    confounders: Floats
    levers: Mapping[str, Lever]
    seen: Mapping[str, pl.Series]

    def design(self, without: Iterable[str] = ()) -> tuple[Floats, dict[str, slice]]:
        """Confounders and the indicators of all levers but those ``without``.

        Returns:
            float64, shape (posts, columns), and which columns belong to which lever.
        """
        parts, places, start = [self.confounders], {}, self.confounders.shape[1]
        for name, lever in self.levers.items():
            if name not in without:
                parts.append(lever.indicators())
                places[name] = slice(start, start + len(lever.levels))
                start += len(lever.levels)
        return np.hstack(parts), places


def left_out(lever: str) -> tuple[str, ...]:
    """The levers that cannot be held fixed while ``lever`` moves, itself first."""
    return (lever, *IMPLIED.get(lever, ()))


def study_posts(
    chunks: Chunks, time_zone: str, owner_time_zones: Mapping[int, str], *, least_posts: int
) -> StudiedPosts:
    """Read posts once for the PCA of their texts and once for the rest; vectors are not kept.

    Args:
        chunks: rows of ``warehouse.features.selected_features``.
        time_zone: where the owners live.
        owner_time_zones: of owners that live elsewhere, by id.
        least_posts: a level with fewer is no level of its own.
    """
    reducer = _topic_reducer(chunks())
    keys, topics, styles, levels = [], [], [], []
    for chunk in chunks():
        keys.append(chunk.select("owner_id", "post_id"))
        topics.append(_topics(chunk["text_embedding"], reducer))
        styles.append(_style(chunk))
        levels.append(pl.DataFrame(read_levers(chunk, time_zone, owner_time_zones)))
    seen = pl.concat(levels).to_dict()
    key = pl.concat(keys)
    owner_ids, owner = np.unique(key["owner_id"].to_numpy(), return_inverse=True)
    style = np.vstack(styles)
    length = _within_bands(style[:, 0], seen["text_length"])
    confounders = np.hstack([np.vstack(topics), style[:, 1:], length])
    return StudiedPosts(
        keys=key,
        owner_ids=owner_ids,
        owner=owner.astype(np.int64),
        confounders=_standardised(confounders),
        levers=_levers(seen, least_posts),
        seen=seen,
    )


def _levers(seen: Mapping[str, pl.Series], least_posts: int) -> dict[str, Lever]:
    levers = {}
    for name in LEVERS:
        counts = seen[name].drop_nulls().value_counts()
        common = counts.filter(pl.col("count") >= least_posts)[name]
        levels = seen[name].to_frame().select(
            pl.when(pl.col(name).is_null() | pl.col(name).is_in(common.to_list()))
            .then(pl.col(name))
            .otherwise(pl.lit(RARE))
        )[name]  # fmt: skip
        if len(common) and levels.drop_nulls().n_unique() > 1:
            levers[name] = as_lever(name, levels)
    return levers


RARE: Final = "(rare)"
"""Stands for all levels of a lever that have too few posts to be judged one by one."""


def _topic_reducer(chunks: Iterable[pl.DataFrame]) -> Reducer | None:
    vectors, n_vectors = [], 0
    for chunk in chunks:
        found, _ = as_matrix(chunk["text_embedding"].head(FIT_ROWS - n_vectors))
        if len(found):
            vectors.append(found)
            n_vectors += len(found)
        if n_vectors >= FIT_ROWS:
            break
    if n_vectors < 2:
        return None
    return fit_reducer(np.vstack(vectors), TOPIC_COMPONENTS)


def _topics(column: pl.Series, reducer: Reducer | None) -> Floats:
    """Components of the text, zeros without one, and whether there is one."""
    if reducer is None:
        return np.zeros((len(column), 0))
    vectors, present = as_matrix(column)
    topics = np.zeros((len(column), len(reducer.components) + 1))
    if len(vectors):
        topics[present, :-1] = reducer.reduce(vectors)
        topics[present, -1] = 1.0
    return topics


def _style(chunk: pl.DataFrame) -> Floats:
    known = chunk.select(
        pl.col("characters").fill_null(0).log1p(),
        *((pl.col(name).fill_null(0) > 0).cast(pl.Float64) for name in STYLE),
        pl.col("is_ad").fill_null(False).cast(pl.Float64),
    )
    return np.asarray(known.to_numpy(), dtype=np.float64)


def _within_bands(length: Floats, band: pl.Series) -> Floats:
    """How much longer than others of its band a text is: that can stay when the band moves."""
    frame = pl.DataFrame({"length": length, "band": band})
    within = frame.select(pl.col("length") - pl.col("length").mean().over("band"))
    return np.asarray(within.to_numpy(), dtype=np.float64)


def _standardised(columns: Floats) -> Floats:
    spread = columns.std(axis=0)
    return np.asarray((columns - columns.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0))
