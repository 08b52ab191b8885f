"""What the units of a trial got: one rate each, however many views it had."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from vkflow.modelling.metrics import Floats
from vkflow.modelling.weights import information


@dataclass(frozen=True)
class Outcomes:
    """Units whose outcome is known.

    Attributes:
        numbers: int64, shape (units,), ascending, from 1.
        rates: of the activity, shape (units,).
        weights: how many independent views each is worth, shape (units,): all but the same once a
            post has many, since posts differ beyond chance.
    """

    numbers: NDArray[np.int64]
    rates: Floats
    weights: Floats


def outcomes_of(posts: pl.DataFrame, base_rate: float, variance: float) -> Outcomes:
    """The rate of each unit: of a post, or of the posts of a day together.

    Args:
        posts: number, count, exposures; those without a known count are left out.
        base_rate: of the owner when the trial was planned.
        variance: relative, of posts' rates beyond chance: ``relative_variance``.
    """
    known = posts.drop_nulls(["count", "exposures"]).filter(pl.col("exposures") > 0)
    counts, exposures = (known[name].cast(pl.Float64).to_numpy() for name in ("count", "exposures"))
    weights = information(exposures, np.full(len(exposures), base_rate), variance)
    numbers, places = np.unique(known["number"].to_numpy(), return_inverse=True)
    total, got = (
        np.bincount(places, values, minlength=len(numbers)).astype(np.float64)
        for values in (weights, weights * counts / exposures)
    )
    return Outcomes(numbers.astype(np.int64), got / total, total)
