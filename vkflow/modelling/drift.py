"""How far features and predictions have moved since a bundle was trained."""

import numpy as np
import polars as pl

from vkflow.modelling.features import WINDOWS
from vkflow.modelling.metrics import Floats

BINS = 10
LEAST_SHARE = 1e-4
"""Shares are kept this far from 0, so that an empty bin does not make the index infinite."""

GROWING = ("owner_posts", *(f"owner_{kind}_{n}d" for kind in ("posts", "views") for n in WINDOWS))
"""Features that grow by themselves while a warehouse is young: measured, but no cause for alarm."""


def stability_index(reference: Floats, current: Floats) -> float:
    """Population stability index: sum of (q - p) log(q / p) over bins.

    The bins are the tenths of the reference, and one for unknown values (NaN).
    Siddiqi (2006), Credit Risk Scorecards, chapter 9.

    Args:
        reference: values of the training window.
        current: values of the newest week.

    Returns:
        0 for equal distributions; above 0.1 they differ, above 0.25 much. NaN without values.
    """
    if not len(reference) or not len(current):
        return float("nan")
    known = reference[~np.isnan(reference)]
    tenths = np.linspace(0, 1, BINS + 1)[1:-1]
    edges = np.unique(np.quantile(known, tenths)) if len(known) else known
    p, q = (_shares(values, edges) for values in (reference, current))
    return float(((q - p) * np.log(q / p)).sum())


def category_stability_index(reference: pl.Series, current: pl.Series) -> float:
    """The same for categories, each a bin of its own."""
    if reference.is_empty() or current.is_empty():
        return float("nan")
    names = sorted(set(reference.drop_nulls()) | set(current.drop_nulls()))
    p, q = (
        np.maximum([(values == name).mean() or 0.0 for name in names], LEAST_SHARE)
        for values in (reference, current)
    )
    return float(((q - p) * np.log(q / p)).sum())


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


def _shares(values: Floats, edges: Floats) -> Floats:
    bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
    counts = np.bincount(bins.astype(np.int64), minlength=len(edges) + 2)
    return np.maximum(counts / len(values), LEAST_SHARE)
