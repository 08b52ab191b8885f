"""Judging predictions on the test window, next to the baselines every model must beat."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.metrics import SMALLEST, Floats, attainable_share
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.registry import Forecasts, Metric, gain_over_global, gain_over_owner
from vkflow.modelling.splits import TEST
from vkflow.modelling.training_set import TrainingSet, align_outcomes
from vkflow.modelling.weights import effective_sample_sizes, overdispersion

ALL = "all"
METRICS_SCHEMA = {
    "activity": pl.String,
    "split": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
FEW_OWNERS = 10
MOST_WORK = 20_000_000
"""Posts times resamples: beyond it fewer resamples are drawn, at least a hundred."""


@dataclass(frozen=True)
class Judged:
    """One activity on the test window.

    Attributes:
        rows: positions of its posts in the training set.
        blocks: what is resampled together, by post: its owner; where there are fewer than ten
            owners, its owner's week, since a few owners would give no interval at all.
        forecasts: predictions beside outcomes.
        oracle: the best possible predictions; on sample posts only.
    """

    rows: NDArray[np.int64]
    blocks: NDArray[np.int64]
    forecasts: Forecasts
    oracle: Floats | None

    def part(self, chosen: NDArray[np.bool_]) -> "Judged":
        """Only the chosen posts."""
        forecasts = Forecasts(**{name: a[chosen] for name, a in vars(self.forecasts).items()})
        oracle = None if self.oracle is None else self.oracle[chosen]
        return Judged(self.rows[chosen], self.blocks[chosen], forecasts, oracle)


def judge(
    data: TrainingSet,
    priors: Mapping[str, RatePrior],
    predictions: Mapping[str, Floats],
    oracle: pl.DataFrame | None,
) -> dict[str, Judged]:
    """Put the predictions of the test window beside outcomes and baselines.

    Args:
        data: from :func:`vkflow.modelling.training_set.prepare`.
        priors: the baselines are the prior's rate, and the smoothed owner rate.
        predictions: of all posts by activity; one without is predicted by its owner rate.
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
) -> dict[str, Judged]:
    """The same for posts outside of any training set.

    Args:
        posts: rows of ``warehouse.features.selected_features``.
        outcomes: owner_id, post_id, activity, chances, count of these posts.
        priors: as in :func:`judge`.
        predictions: of these posts by activity.
        oracle: as in :func:`judge`.
    """
    counts, chances = align_outcomes(posts, outcomes)
    judged = {}
    for activity, prior in priors.items():
        rows = np.flatnonzero(~np.isnan(counts[activity]))
        if len(rows):
            known = (counts[activity][rows], chances[activity][rows])
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
) -> Judged:
    owner_rate = smoothed_rates(history[rows], activity, prior)
    predicted = predictions[activity][rows] if activity in predictions else owner_rate
    forecasts = Forecasts(
        counts=outcomes[0],
        chances=outcomes[1],
        probabilities=np.clip(predicted, SMALLEST, 1 - SMALLEST),
        global_rate=np.full(len(rows), prior.rate),
        owner_rate=owner_rate,
        sizes=effective_sample_sizes(outcomes[1], overdispersion(*outcomes)),
        weights=np.ones(len(rows)),
    )
    chosen = keys.select("owner_id", "post_id")[rows]
    best = None if oracle is None else _oracle(chosen, activity, oracle)
    return Judged(rows, resampling_blocks(keys[rows]), forecasts, best)


def resampling_blocks(posts: pl.DataFrame) -> NDArray[np.int64]:
    """Which posts are resampled together: an owner's, or, with few owners, an owner's of a week.

    Args:
        posts: owner_id, published_at (null: one block an owner).

    Returns:
        A number for each post, equal within a block.
    """
    block = pl.col("owner_id")
    if posts["owner_id"].n_unique() < FEW_OWNERS:
        week = pl.col("published_at").dt.epoch("d") // 7
        block = pl.struct(block, week.alias("week")).hash(seed=0).reinterpret(signed=True)
    return posts.select(block.alias("block"))["block"].to_numpy()


def metrics_table(
    judged: Mapping[str, Judged],
    metrics: Mapping[str, Metric],
    *,
    samples: int,
    seed: int,
    split: str = TEST,
) -> pl.DataFrame:
    """Figures with 95 % intervals from resampling whole blocks.

    Posts of one owner are alike; resampling single posts would make the intervals too narrow.
    Percentile bootstrap over clusters: Davison and Hinkley (1997), Bootstrap Methods, 3.8.

    Args:
        judged: from :func:`judge`.
        metrics: from :func:`vkflow.modelling.registry.load_metrics`.
        samples: resamples; the same blocks are drawn for every activity and metric.
        seed: of the resampling.
        split: what to call the posts, such as ``test``.

    Returns:
        activity, split, metric, value, low, high; the activity ``all`` is the mean over them.
    """
    if not judged:
        return pl.DataFrame(schema=METRICS_SCHEMA)
    names, found = [*judged, ALL], _evaluate(judged, metrics, None)
    draws = [_evaluate(judged, metrics, weights) for weights in _resample(judged, samples, seed)]
    low, high = _interval(np.stack(draws))
    rows = [
        (activity, split, metric, found[i, j], low[i, j], high[i, j])
        for i, activity in enumerate(names)
        for j, metric in enumerate(metrics)
    ]
    rows += [(name, split, *figure, None, None) for name, figure in _plain_figures(judged)]
    return pl.DataFrame(rows, schema=METRICS_SCHEMA, orient="row")


def slices_table(
    judged: Mapping[str, Judged], features: pl.DataFrame, *, samples: int, seed: int
) -> pl.DataFrame:
    """The gains over both baselines by kind of post: ``split`` is such as ``test/text=short``.

    Args:
        judged: from :func:`judge`.
        features: of all posts of the training set.
        samples: resamples.
        seed: of the resampling.
    """
    metrics = {"gain_over_global": gain_over_global, "gain_over_owner": gain_over_owner}
    tables = [pl.DataFrame(schema=METRICS_SCHEMA)]
    for name, membership in _slices(features).items():
        parts = {a: j.part(membership[j.rows]) for a, j in judged.items()}
        parts = {activity: part for activity, part in parts.items() if len(part.rows) > 1}
        split = f"{TEST}/{name}"
        tables.append(metrics_table(parts, metrics, samples=samples, seed=seed, split=split))
    return pl.concat(tables)


def compare_losses(
    judged: Mapping[str, Judged],
    others: Mapping[str, Floats],
    *,
    samples: int,
    seed: int,
    split: str = TEST,
) -> pl.DataFrame:
    """Relative difference in log loss to other predictions of the same posts, with intervals.

    Args:
        judged: from :func:`judge`.
        others: predictions of all posts of the training set, by activity; NaN where they have
            learnt from the post.
        samples: resamples, the same for both sides (a paired bootstrap).
        seed: of the resampling.
        split: what to call the posts.

    Returns:
        Rows of ``loss_against_champion``: above 0 is worse than the other predictions.
    """
    paired = {}
    for name, entry in judged.items():
        if name not in others:
            continue
        other = others[name][entry.rows]
        both = entry.part(~np.isnan(other))
        if len(np.unique(both.blocks)) > 1:  # of one block there is no interval
            forecasts = replace(both.forecasts, global_rate=other[~np.isnan(other)])
            paired[name] = replace(both, forecasts=forecasts)
    # The gain over the other predictions, as if they were the first baseline.
    metrics = {"loss_against_champion": lambda forecasts: -gain_over_global(forecasts)}
    table = metrics_table(paired, metrics, samples=samples, seed=seed, split=split)
    return table.filter(pl.col("metric") == "loss_against_champion")


def _evaluate(
    judged: Mapping[str, Judged], metrics: Mapping[str, Metric], block_weights: Floats | None
) -> Floats:
    """Values, shape (activities + 1, metrics); the last row is the mean over activities."""
    places = _block_places(judged)
    values = np.empty((len(judged) + 1, len(metrics)))
    for i, (activity, entry) in enumerate(judged.items()):
        forecasts = entry.forecasts
        if block_weights is not None:
            forecasts = replace(forecasts, weights=block_weights[places[activity]])
        has_views = float((forecasts.weights * forecasts.chances).sum()) > 0
        values[i] = [m(forecasts) if has_views else np.nan for m in metrics.values()]
    values[-1] = values[:-1].mean(axis=0)
    return values


def _block_places(judged: Mapping[str, Judged]) -> dict[str, NDArray[np.int64]]:
    blocks = np.unique(np.concatenate([entry.blocks for entry in judged.values()]))
    return {name: np.searchsorted(blocks, entry.blocks) for name, entry in judged.items()}


def _resample(judged: Mapping[str, Judged], samples: int, seed: int) -> Iterator[Floats]:
    """How often each block is drawn, shape (blocks,), again and again."""
    n_blocks = len(np.unique(np.concatenate([entry.blocks for entry in judged.values()])))
    n_posts = max(len(entry.rows) for entry in judged.values())
    draws = int(np.clip(MOST_WORK // n_posts, min(100, samples), samples))
    generator = np.random.default_rng(seed)
    shares = np.full(n_blocks, 1 / n_blocks)
    for _ in range(draws):
        yield generator.multinomial(n_blocks, shares).astype(np.float64)


def _interval(draws: Floats) -> tuple[Floats, Floats]:
    """The middle 95 % of resamples, shape of one resample; NaN where a metric is undefined."""
    undefined = np.isnan(draws).all(axis=0)
    low, high = np.nanquantile(np.where(undefined, 0.0, draws), [0.025, 0.975], axis=0)
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def _plain_figures(judged: Mapping[str, Judged]) -> Iterator[tuple[str, tuple[str, float]]]:
    """Figures without an interval: losses of the baselines, sizes, shares of the oracle."""
    collected: dict[str, list[float]] = {}
    for activity, entry in judged.items():
        for name, value in _figures_of(entry).items():
            collected.setdefault(name, []).append(value)
            yield activity, (name, value)
    for name, values in collected.items():
        if len(values) == len(judged):
            yield ALL, (name, float(np.mean(values)))


def _figures_of(entry: Judged) -> dict[str, float]:
    forecasts = entry.forecasts
    model = forecasts.loss_of(forecasts.probabilities)
    by_global, by_owner = (
        forecasts.loss_of(baseline) for baseline in (forecasts.global_rate, forecasts.owner_rate)
    )
    figures = {
        "log_loss_per_view_global_rate": by_global,
        "log_loss_per_view_owner_rate": by_owner,
        "posts": float(len(entry.rows)),
        "rate": forecasts.mean_per_view(forecasts.counts),
    }
    if entry.oracle is not None:
        best = forecasts.loss_of(entry.oracle)
        figures["log_loss_per_view_oracle"] = best
        figures["oracle_share"] = attainable_share(model, by_global, best)
        figures["oracle_share_over_owner"] = attainable_share(model, by_owner, best)
    return figures


def _slices(features: pl.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Kinds of posts by name: which posts belong to each."""
    views, characters = pl.col("owner_views_per_post"), pl.col("characters")
    small, large = (
        features["owner_views_per_post"].fill_nan(None).quantile(q) for q in (1 / 3, 2 / 3)
    )
    conditions = {
        "owner=new": pl.col("owner_posts") == 0,
        "picture=yes": pl.col("has_image") == 1,
        "picture=no": pl.col("has_image") == 0,
        "text=none": characters == 0,
        "text=short": characters.is_between(1, 140),
        "text=medium": characters.is_between(141, 600),
        "text=long": characters > 600,
    }
    if small is not None and large is not None:  # some owner has a past
        conditions |= {
            "owner=small": views < small,
            "owner=medium": views.is_between(small, large, closed="left"),
            "owner=large": views >= large,
        }
    categories = features["image_category"].unique().sort().to_list()
    conditions |= {f"category={name}": pl.col("image_category") == name for name in categories}
    table = features.select(
        (condition & condition.is_not_null()).fill_null(False).alias(name)
        for name, condition in conditions.items()
    )
    return {name: table[name].to_numpy() for name in table.columns if table[name].any()}


def _oracle(keys: pl.DataFrame, activity: str, oracle: pl.DataFrame) -> Floats | None:
    """The oracle's conversions of these posts; ``None`` when any of them is no sample post."""
    joined = keys.join(
        oracle.filter(pl.col("activity") == activity),
        on=["owner_id", "post_id"],
        how="left",
        maintain_order="left",
    )["oracle"]
    return None if joined.null_count() else joined.to_numpy().astype(np.float64)
