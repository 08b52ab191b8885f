"""What advice is adjusted for: owner, time, topic, style and the other levers of a post.

Time, because habits and levels drift: where emoji spread while rates fall, posts with emoji would
seem to lower them. It is a smooth curve over all owners, and each month of each owner.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.insights.levers import IMPLIED, LEVERS, Lever, as_lever, read_levers
from vkflow.insights.regression import Groups, group_posts
from vkflow.modelling.metrics import Floats
from vkflow.modelling.reducers import FIT_ROWS, Reducer, fit_reducer
from vkflow.modelling.vectors import as_matrix

TOPIC_COMPONENTS: Final = 32
"""Principal components of the text vectors that stand for what a post is about."""

TIME_KNOTS: Final = 6
"""Of the cubic spline of the time of publication, evenly spread."""

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
        groups: posts by owner, as placed in ``owner_ids``, and by month.
        confounders: float64, shape (posts, columns): time, topic and style, standardised.
        levers: those with at least two levels, by name.
        seen: level of each post by lever, rare ones included.
    """

    keys: pl.DataFrame
    owner_ids: NDArray[np.int64]
    groups: Groups
    confounders: Floats
    levers: Mapping[str, Lever]
    seen: Mapping[str, pl.Series]

    @property
    def owner(self) -> NDArray[np.int64]:
        """The place of each post's owner in ``owner_ids``, shape (posts,)."""
        return self.groups.owner

    def shuffled(self, seed: int) -> "StudiedPosts":
        """The same posts, their levers dealt anew among the posts of an owner's month.

        No lever does anything there, but for chance: a placebo. Months are what is adjusted for:
        in weeks of few posts most would keep what they have.
        """
        lottery = np.random.default_rng(seed).random(len(self.owner))
        source = np.empty(len(lottery), dtype=np.int64)
        source[np.argsort(self.groups.month, kind="stable")] = np.lexsort(
            (lottery, self.groups.month)
        )
        levers = {
            name: replace(lever, codes=lever.codes[source]) for name, lever in self.levers.items()
        }
        seen = {name: levels.gather(source) for name, levels in self.seen.items()}
        return replace(self, levers=levers, seen=seen)

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
    chunks: Chunks, time_zone: str, owner_time_zones: Mapping[int, str], *, min_posts: int
) -> StudiedPosts:
    """Read posts once for the PCA of their texts and once for the rest; vectors are not kept.

    Args:
        chunks: rows of ``warehouse.features.selected_features``.
        time_zone: where the owners live.
        owner_time_zones: of owners that live elsewhere, by id.
        min_posts: a level with fewer is no level of its own.
    """
    reducer = _topic_reducer(chunks())
    keys, topics, styles, levels, times = [], [], [], [], []
    for chunk in chunks():
        keys.append(chunk.select("owner_id", "post_id"))
        topics.append(_topics(chunk["text_embedding"], reducer))
        styles.append(_style(chunk))
        times.append(chunk.select(pl.col("published_at").cast(pl.Datetime("us", "UTC"))))
        levels.append(pl.DataFrame(read_levers(chunk, time_zone, owner_time_zones)))
    seen = pl.concat(levels).to_dict()
    key = pl.concat(keys)
    owner_ids, owner = np.unique(key["owner_id"].to_numpy(), return_inverse=True)
    style = np.vstack(styles)
    length = _within_bands(style[:, 0], seen["text_length"])
    time = pl.concat(times)["published_at"]
    confounders = np.hstack([_curve(time), np.vstack(topics), style[:, 1:], length])
    return StudiedPosts(
        keys=key,
        owner_ids=owner_ids,
        groups=group_posts(owner.astype(np.int64), _month(time)),
        confounders=_standardised(confounders),
        levers=_levers(seen, min_posts),
        seen=seen,
    )


def _levers(seen: Mapping[str, pl.Series], min_posts: int) -> dict[str, Lever]:
    levers = {}
    for name in LEVERS:
        counts = seen[name].drop_nulls().value_counts()
        common = counts.filter(pl.col("count") >= min_posts)[name]
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
    """Fitted on at most ``FIT_ROWS`` posts, every n-th of all, and so of all times."""
    kept, every, seen = pl.Series("text_embedding", dtype=pl.List(pl.Float32)), 1, 0
    for chunk in chunks:
        rows = np.arange(-seen % every, len(chunk), every)
        kept = pl.concat([kept.cast(chunk.schema["text_embedding"]), chunk["text_embedding"][rows]])
        seen += len(chunk)
        while len(kept) > FIT_ROWS:
            kept, every = kept.gather_every(2), 2 * every
    vectors, _ = as_matrix(kept)
    return fit_reducer(vectors, TOPIC_COMPONENTS) if len(vectors) > 1 else None


def _curve(time: pl.Series) -> Floats:
    """A cubic spline of the time of publication, zeros for posts without one."""
    from sklearn.preprocessing import SplineTransformer

    seconds = time.dt.epoch("s").cast(pl.Float64)
    dated = seconds.is_not_null().to_numpy()
    if seconds.n_unique() < TIME_KNOTS:
        return np.zeros((len(time), 0))
    spline = SplineTransformer(TIME_KNOTS, knots="uniform", include_bias=False)
    columns = spline.fit_transform(seconds.drop_nulls().to_numpy()[:, np.newaxis])
    curve = np.zeros((len(time), columns.shape[1]))
    curve[dated] = columns
    return curve


def _month(time: pl.Series) -> NDArray[np.int64]:
    """A number that posts of the same month share; posts without a date share one."""
    months = (12 * time.dt.year().cast(pl.Int64) + time.dt.month()).fill_null(-1)
    return months.to_numpy()


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
