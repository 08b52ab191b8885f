"""The effects planted in a world: read from ``effects.yaml``, with the owners' drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml

from vkflow.activities import ACTIVITY_NAMES
from vkflow.sample.communities import Communities
from vkflow.sample.observables import INTERACTIONS, TEXT_STYLES
from vkflow.sample.settings import WorldSettings, random_stream

Floats = npt.NDArray[np.float64]

ONE_OF: Final = ("owner", "topic", "picture", "hour", "weekday")
"""Kinds of which a post has at most one level; the others are flags, any number of them."""


@dataclass(frozen=True)
class Effects:
    """Effects on the logit of the conversion; arrays have one value for each activity.

    Attributes:
        base: (8,) the logit of a post to which no effect applies.
        noise: (8,) standard deviations of what nothing observable explains.
        correlations: (8, 8) of the noise of a post's activities.
        planted: kind, then level, then (8,) effects.
    """

    base: Floats
    noise: Floats
    correlations: Floats
    planted: Mapping[str, Mapping[str, Floats]]

    def as_frame(self) -> pl.DataFrame:
        """A row an activity, kind and level: activity, kind, level String, effect Float64.

        Kind ``base`` is the logit to which effects are added, kind ``noise`` the standard
        deviation of the noise; both have the level ``all``.
        """
        kinds = {"base": {"all": self.base}, "noise": {"all": self.noise}, **self.planted}
        rows = [
            (activity, kind, level, float(effects[i]))
            for kind, levels in kinds.items()
            for level, effects in levels.items()
            for i, activity in enumerate(ACTIVITY_NAMES)
        ]
        schema = {"activity": pl.String, "kind": pl.String, "level": pl.String}
        return pl.DataFrame(rows, {**schema, "effect": pl.Float64}, orient="row")


def plant_effects(settings: WorldSettings, communities: Communities) -> Effects:
    """The effects of a world; in a null world all are zero, and only base and noise remain."""
    table = _read_table()
    correlations = np.array(table["correlations"])
    planted = {
        "owner": _owner_effects(settings, communities, table, correlations),
        "hour": _hour_effects(table),
        **{kind: _levels(table[kind]) for kind in ("topic", "picture", "text", "interaction")},
        "weekday": _levels(table["weekday"]),
    }
    if settings.null:
        planted = {
            kind: {level: np.zeros_like(effects) for level, effects in levels.items()}
            for kind, levels in planted.items()
        }
    base, noise = np.array(table["base"]), np.array(table["noise"])
    return Effects(base, noise, correlations, planted)


def logits(observables: pl.DataFrame, effects: Effects) -> Floats:
    """The planted logits of posts, without noise.

    Args:
        observables: as ``observe`` returns them, n rows.
        effects: as ``plant_effects`` returns them.

    Returns:
        (n, 8), activities in the order of ``ACTIVITY_NAMES``.
    """
    total = np.tile(effects.base, (len(observables), 1))
    for kind in ONE_OF:
        total += _effects_of(observables[kind], effects.planted[kind])
    for flag in (*TEXT_STYLES, *INTERACTIONS):
        kind = "text" if flag in TEXT_STYLES else "interaction"
        total += np.outer(observables[flag].to_numpy(), effects.planted[kind][flag])
    return total


def _effects_of(values: pl.Series, levels: Mapping[str, Floats]) -> Floats:
    """(n, 8) effects of the level each post has; zero where it has none (null)."""
    codes = {level: code for code, level in enumerate(levels, start=1)}
    rows = values.replace_strict(codes, default=None, return_dtype=pl.Int64).fill_null(0)
    matrix = np.vstack([np.zeros(len(ACTIVITY_NAMES)), *levels.values()])
    return np.asarray(matrix[rows.to_numpy()], dtype=np.float64)


def _owner_effects(
    settings: WorldSettings,
    communities: Communities,
    table: Mapping[str, Any],
    correlations: Floats,
) -> dict[str, Floats]:
    generator = random_stream(settings.seed, "owners")
    normal = generator.standard_normal((settings.n_owners, len(ACTIVITY_NAMES)))
    own = normal @ np.linalg.cholesky(correlations).T * np.array(table["owner"])
    effects = own + np.outer(communities.size, table["size"])
    return {
        str(owner): row for owner, row in zip(communities.owner_id.tolist(), effects, strict=True)
    }


def _hour_effects(table: Mapping[str, Any]) -> dict[str, Floats]:
    height, top = np.array(table["hour"]["height"]), np.array(table["hour"]["top"])
    return {str(h): height * np.cos(2 * np.pi * (h - top) / 24) for h in range(24)}


def _levels(table: Mapping[str, list[float]]) -> dict[str, Floats]:
    return {level: np.array(effects, dtype=np.float64) for level, effects in table.items()}


def _read_table() -> dict[str, Any]:
    path = files("vkflow.sample") / "effects.yaml"
    table: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    if tuple(table["activities"]) != ACTIVITY_NAMES:
        raise ValueError("effects.yaml: its columns are not the activities, in their order.")
    return table
