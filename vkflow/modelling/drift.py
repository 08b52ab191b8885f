"""How far features and predictions have moved since a bundle was trained."""

import numpy as np
import numpy.typing as npt
import polars as pl

from vkflow.modelling.features import WINDOWS
from vkflow.modelling.metrics import Floats

Ints = npt.NDArray[np.int64]

BINS = 10
EMPTY = 0.5
"""An empty bin counts as half a value, or it would make the index infinite."""

MIN_WEEKS = 6
MIN_WEEK_POSTS = 30
DEVIATIONS = 4.0
SMALLEST_INDEX = 1e-6

GROWING = ("owner_posts", *(f"owner_{kind}_{n}d" for kind in ("posts", "views") for n in WINDOWS))
"""Features that grow by themselves while a warehouse is young: measured, but no cause for alarm."""


def stability_index(reference: Floats, current: Floats) -> float:
    """Population stability index: sum of (q - p) log(q / p) over bins.

    The bins are the tenths of the reference, and one for unknown values (NaN).
    Siddiqi (2006), Credit Risk Scorecards, chapter 9.

    Args:
        reference: values of the training window, shape (posts,).
        current: values of the newest week, shape (newer posts,).

    Returns:
        0 for equal distributions; above 0.1 they differ, above 0.25 much. NaN without values.
    """
    if not len(reference) or not len(current):
        return float("nan")
    edges = _tenths(reference)
    counts = (
        np.bincount(_bins(values, edges), minlength=len(edges) + 2)
        for values in (reference, current)
    )
    return _index(*counts)


def noise_bound(n_reference: int, n_current: int) -> float:
    """What the index of a population that has not moved stays below, in 999 of 1,000 cases.

    It is then (1 / n + 1 / m) times a chi-squared variable with a degree of freedom less than
    there are bins: Yurdakul (2018), Statistical Properties of Population Stability Index, 3.

    Args:
        n_reference: values of the training window, n.
        n_current: values of the newest week, m.
    """
    from scipy.stats import chi2

    return float((1 / n_reference + 1 / n_current) * chi2.ppf(0.999, BINS))


def usual_bounds(reference: pl.DataFrame, weeks: pl.Series) -> dict[str, float]:
    """What the index of a week stays below where nothing has happened, by column.

    Weeks differ by more than chance: posts of an owner are alike, histories grow. So each past week
    is compared with all others, in bins that are tenths of all of them, and a new one has moved
    where its index is far beyond theirs:
    ``DEVIATIONS`` standard deviations of the logarithm above its mean.

    Args:
        reference: features or probabilities of the training window.
        weeks: number of the week of each of its posts.

    Returns:
        0 where there are fewer than ``MIN_WEEKS`` weeks with ``MIN_WEEK_POSTS`` posts.
    """
    counted = weeks.value_counts().filter(pl.col("count") >= MIN_WEEK_POSTS)
    numbers = counted[weeks.name].sort().to_numpy()
    if len(numbers) < MIN_WEEKS:
        return dict.fromkeys(reference.columns, 0.0)
    week = np.searchsorted(numbers, weeks.to_numpy())
    week[~np.isin(weeks.to_numpy(), numbers)] = len(numbers)  # all others, together
    bounds = {}
    for column in reference:
        indices = _indices_by_week(_codes(column), week, len(numbers))
        logarithms = np.log(np.maximum(indices, SMALLEST_INDEX))
        spread = logarithms.std(ddof=1)
        bounds[column.name] = float(np.exp(logarithms.mean() + DEVIATIONS * spread))
    return bounds


def _codes(column: pl.Series) -> Ints:
    """Which tenth of the column a value is in, or which category; -1 for an unknown category."""
    if column.dtype == pl.String:
        ranks = column.rank("dense").fill_null(0).to_numpy().astype(np.int64)
        return np.asarray(ranks - 1)
    values = column.to_numpy().astype(np.float64)
    return _bins(values, _tenths(values))


def _indices_by_week(codes: Ints, week: Ints, n_weeks: int) -> list[float]:
    """The index of each week beside all others, from bins that are those of all weeks."""
    known = codes >= 0
    n_bins = int(codes.max(initial=0)) + 1
    cells = codes[known] * (n_weeks + 1) + week[known]
    counts = np.bincount(cells, minlength=n_bins * (n_weeks + 1)).reshape(n_bins, n_weeks + 1)
    others = counts.sum(axis=1, keepdims=True) - counts
    return [_index(others[:, place], counts[:, place]) for place in range(n_weeks)]


def category_stability_index(reference: pl.Series, current: pl.Series) -> float:
    """The same for categories, each a bin of its own."""
    if reference.is_empty() or current.is_empty():
        return float("nan")
    names = sorted(set(reference.drop_nulls()) | set(current.drop_nulls()))
    counts = [
        np.array([(values == name).sum() for name in names], dtype=np.int64)
        for values in (reference, current)
    ]
    return _index(*counts)


def table_drift(reference: pl.DataFrame, current: pl.DataFrame) -> dict[str, float]:
    """The index of every column: features, or probabilities by activity."""
    drift = {}
    for name, kind in reference.schema.items():
        if kind == pl.String:
            drift[name] = category_stability_index(reference[name], current[name])
        else:
            drift[name] = stability_index(
                reference[name].to_numpy().astype(np.float64),
                current[name].to_numpy().astype(np.float64),
            )
    return drift


def _tenths(values: Floats) -> Floats:
    known = values[~np.isnan(values)]
    tenths = np.linspace(0, 1, BINS + 1)[1:-1]
    return np.unique(np.quantile(known, tenths)) if len(known) else known


def _bins(values: Floats, edges: Floats) -> Ints:
    """The bin of each value; unknown ones have the last."""
    bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
    return bins.astype(np.int64)


def _index(reference: Ints, current: Ints) -> float:
    """The index from counts by bin; bins that are empty in both say nothing."""
    used = (reference > 0) | (current > 0)
    p, q = (
        np.maximum(counts[used], EMPTY) / max(counts.sum(), EMPTY)
        for counts in (reference, current)
    )
    return float(((q - p) * np.log(q / p)).sum())
