"""Advice to authors: every lever, level and activity judged, first over all owners, then by owner.

Left out are the pairs of ``PRESUPPOSED``, where the activity needs the lever to happen at all.

Observational: effects are adjusted for owner, time, topic, style and the other levers, and for
nothing else. An author who reads them should try, not trust. Beside each effect stands a placebo:
what the same estimate finds where levers were dealt anew among the posts of an owner's month.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.confounders import RARE, StudiedPosts
from vkflow.insights.effects import sum_by_cluster
from vkflow.insights.inference import (
    CONFIDENCE,
    FALSE_DISCOVERY_RATE,
    change_interval,
    dealt_clusters,
    estimate,
    owner_clusters,
    q_values,
    selection_adjusted_error,
)
from vkflow.insights.levers import ABSENT, LEVERS, PRESUPPOSED
from vkflow.insights.overlap import fold_of_posts, propensities
from vkflow.insights.responses import Outcomes, Response, fit_response, outcomes_of
from vkflow.modelling.metrics import Floats
from vkflow.threads import map_threads, one_thread

MIN_POSTS: Final = 30
"""Posts with a level, and posts without, below which nothing is said of it."""
MIN_ACTIVITIES: Final = 100
"""Likes, say, over all posts, below which nothing is said of liking."""

RAISES, LOWERS, UNCLEAR, TOO_FEW = "raises", "lowers", "unclear", "too few posts"

SCHEMA: Final = {
    "owner_id": pl.Int64,
    "activity": pl.String,
    "lever": pl.String,
    "level": pl.String,
    "verdict": pl.String,
    "effect": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "adjusted_low": pl.Float64,
    "adjusted_high": pl.Float64,
    "p_value": pl.Float64,
    "q_value": pl.Float64,
    "placebo_effect": pl.Float64,
    "placebo_p_value": pl.Float64,
    "base_rate": pl.Float64,
    "n_posts": pl.Int64,
    "n_owners": pl.Int64,
}
"""Columns of advice, as the table ``insights`` has them."""
_UNDECIDED: Final = {
    **{name: dtype for name, dtype in SCHEMA.items() if not name.startswith("placebo_")},
    **dict.fromkeys(("log_ratio", "error", "freedom"), pl.Float64),
}
_KEY: Final = ("activity", "lever", "level")

Row = dict[str, Any]
Numbers = NDArray[np.int64]


def advise(
    posts: StudiedPosts, outcomes: pl.DataFrame, *, seed: int, threads: int = 1
) -> pl.DataFrame:
    """Judge every lever on every activity that does not presuppose it.

    An owner is judged alone only on what is evident over all owners, and each owner's tests are a
    family of their own: an author reads the advice of one wall, of which a share may be false that
    does not depend on how many walls there are (Yekutieli 2008, Hierarchical false discovery
    rate-controlling methodology, JASA 103; families are the owners).

    Args:
        posts: with a known outcome.
        outcomes: owner_id, post_id, activity, exposures, count.
        seed: of folds and of the placebo.
        threads: that share the nuisances.

    Returns:
        ``SCHEMA``; a row an activity, lever and level over all owners (owner_id null), with its
        placebo, and one an owner with enough posts of an evident one.
    """
    # Thousands of small products: threads would wait for each other longer than they work.
    with one_thread():
        study = _Study(posts, outcomes, seed, threads)
        overall = _decided(_table(study.overall()))
        evident = overall.filter(pl.col("verdict").is_in([RAISES, LOWERS]))
        keys = set(evident.select(_KEY).iter_rows())
        alone = _table(study.by_owner(keys)).sort("owner_id", maintain_order=True)
        advice = pl.concat([overall, _decided(alone)])
        placebo = _Study(posts.shuffled(seed), outcomes, seed, threads).overall()
        return advice.join(
            _as_placebo(_table(placebo)),
            on=("owner_id", *_KEY),
            how="left",
            nulls_equal=True,
            maintain_order="left",
        ).select(*SCHEMA)


class _Study:
    """Nuisances, fitted once, and the judgements that stand on them."""

    def __init__(
        self, posts: StudiedPosts, outcomes: pl.DataFrame, seed: int, threads: int
    ) -> None:
        self._posts, self._seed = posts, seed
        folds = fold_of_posts(len(posts.owner), seed)
        self._outcomes = dict(_outcomes_by_activity(posts, outcomes))
        self._propensities = dict(
            map_threads(
                lambda name: propensities(posts, posts.levers[name], folds), posts.levers, threads
            )
        )
        self._responses: dict[str, Response] = dict(
            map_threads(
                lambda activity: fit_response(posts, self._outcomes[activity], folds),
                self._outcomes,
                threads,
            )
        )

    def overall(self) -> Iterator[Row]:
        """Rows over all owners, undecided."""
        for activity, observed in self._outcomes.items():
            for name in LEVERS:
                if name == PRESUPPOSED.get(activity):
                    continue
                yield from self._unjudged(activity, observed, name)
                if name in self._posts.levers:
                    judged_levels = set(self._posts.levers[name].levels) - {ABSENT, RARE}
                    yield from self._judged(activity, name, judged_levels, by_owner=False)

    def by_owner(self, keys: set[tuple[str, str, str]]) -> Iterator[Row]:
        """Rows of single owners for some (activity, lever, level), undecided."""
        for activity, name in sorted({key[:2] for key in keys}):
            judged_levels = {key[2] for key in keys if key[:2] == (activity, name)}
            rows = self._judged(activity, name, judged_levels, by_owner=True)
            yield from (row for row in rows if row["p_value"] is not None)

    def _judged(
        self, activity: str, name: str, judged_levels: Collection[str], *, by_owner: bool
    ) -> Iterator[Row]:
        """Rows of the levels to be told that have enough posts, of all owners or of each."""
        lever, outcomes = self._posts.levers[name], self._outcomes[activity]
        rows = np.flatnonzero(outcomes.known & (lever.codes >= 0))
        stratum = self._posts.owner[rows] * int(by_owner)
        counts, enough = _counted(stratum, lever.codes[rows], len(lever.levels))
        enough &= np.array([level in judged_levels for level in lever.levels])
        kept = np.flatnonzero(enough.any(axis=1))
        if not len(kept):
            return
        rows = rows[np.isin(stratum, kept)]
        owner, codes, observed = self._posts.owner[rows], lever.codes[rows], outcomes.of(rows)
        stratum = np.searchsorted(kept, owner * int(by_owner))
        levels = np.flatnonzero(enough.any(axis=0))
        sums = sum_by_cluster(
            observed,
            self._responses[activity].at_levels(name, rows),
            self._propensities[name][rows],
            codes,
            dealt_clusters(stratum, self._seed) if by_owner else owner_clusters(owner, self._seed),
            levels,
        )
        found, rates = estimate(sums), observed.means(stratum)
        for place, column in np.argwhere(enough[np.ix_(kept, levels)]):
            level = levels[column]
            yield dict.fromkeys(_UNDECIDED) | {
                "owner_id": int(self._posts.owner_ids[kept[place]]) if by_owner else None,
                "activity": activity,
                "lever": name,
                "level": lever.levels[level],
                "base_rate": float(rates[place]),
                "n_posts": int(counts[kept[place], level]),
                "n_owners": 1 if by_owner else len(np.unique(owner[codes == level])),
                **{
                    key: _figure(getattr(found, key)[place, column])
                    for key in ("log_ratio", "error", "freedom", "p_value")
                },
            }

    def _unjudged(self, activity: str, observed: Outcomes, lever: str) -> Iterator[Row]:
        """Levels with too few posts, or that nothing can be compared with."""
        known = self._posts.keys.select("owner_id").with_columns(
            self._posts.seen[lever].alias("level"), known=observed.known
        )
        known = known.filter("known", pl.col("level").is_not_null())
        counts = known.filter(pl.col("level") != ABSENT)
        for level, n_posts, n_owners in (
            counts.group_by("level")
            .agg(pl.len().alias("posts"), pl.col("owner_id").n_unique().alias("owners"))
            .sort("level")
            .iter_rows()
        ):
            if min(n_posts, len(known) - n_posts) < MIN_POSTS:
                yield dict.fromkeys(_UNDECIDED) | {
                    "activity": activity,
                    "lever": lever,
                    "level": level,
                    "base_rate": observed.mean,
                    "n_posts": n_posts,
                    "n_owners": n_owners,
                }


def _outcomes_by_activity(
    posts: StudiedPosts, outcomes: pl.DataFrame
) -> Iterator[tuple[str, Outcomes]]:
    for activity in ACTIVITY_NAMES:
        of_activity = outcomes.filter(pl.col("activity") == activity, pl.col("exposures") > 0)
        if (of_activity["count"].sum() or 0) < MIN_ACTIVITIES:
            continue
        aligned = posts.keys.join(
            of_activity, on=["owner_id", "post_id"], how="left", maintain_order="left"
        )
        counts, exposures = (
            aligned[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            for name in ("count", "exposures")
        )
        yield activity, outcomes_of(counts, exposures)


def _counted(stratum: Numbers, codes: Numbers, n_levels: int) -> tuple[Numbers, NDArray[np.bool_]]:
    """Posts of each stratum with each level, (strata, levels), and where both sides have enough."""
    n_strata = int(stratum.max(initial=0)) + 1
    counts = np.bincount(stratum * n_levels + codes, minlength=n_strata * n_levels)
    counts = counts.reshape(n_strata, n_levels)
    others = counts.sum(axis=1, keepdims=True) - counts
    return counts, (counts >= MIN_POSTS) & (others >= MIN_POSTS)


def _figure(value: Floats) -> float | None:
    return float(value) if np.isfinite(value) else None


def _table(rows: Iterable[Row]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), _UNDECIDED, orient="row")


def _as_placebo(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "owner_id",
        *_KEY,
        placebo_effect=pl.col("log_ratio").exp() - 1,
        placebo_p_value="p_value",
    )


def _decided(rows: pl.DataFrame) -> pl.DataFrame:
    """Tests, families by owner_id one after the other, with q-values, intervals and verdicts."""
    p_values, log_ratio, error, freedom = (
        rows[name].fill_null(float("nan")).to_numpy()
        for name in ("p_value", "log_ratio", "error", "freedom")
    )
    q_value, missed = np.empty_like(p_values), np.empty_like(p_values)
    sizes = rows["owner_id"].rle().struct.field("len").to_numpy()
    for stop, size in zip(np.cumsum(sizes), sizes, strict=True):
        family = slice(stop - size, stop)
        q_value[family] = q_values(p_values[family])
        told = int((q_value[family] <= FALSE_DISCOVERY_RATE).sum())
        missed[family] = selection_adjusted_error(told, int(np.isfinite(p_values[family]).sum()))
    is_evident = q_value <= FALSE_DISCOVERY_RATE
    low, high = change_interval(log_ratio, error, freedom, 1 - CONFIDENCE)
    adjusted = change_interval(log_ratio, error, freedom, missed)
    direction = np.where(log_ratio > 0, RAISES, LOWERS)
    verdict = np.where(np.isnan(p_values), TOO_FEW, np.where(is_evident, direction, UNCLEAR))
    figures = {
        "effect": np.expm1(log_ratio),
        "low": low,
        "high": high,
        "adjusted_low": np.where(is_evident, adjusted[0], np.nan),
        "adjusted_high": np.where(is_evident, adjusted[1], np.nan),
        "q_value": q_value,
    }
    return rows.with_columns(
        pl.Series("verdict", verdict, pl.String),
        *(pl.Series(name, values, pl.Float64).fill_nan(None) for name, values in figures.items()),
    )
