"""The arrays of a recipe and the linear stage, by name, for one safetensors file."""

from collections.abc import Mapping, Sequence

import numpy as np

from vkflow.modelling.design import Design, Standardiser
from vkflow.modelling.features import NO_CATEGORY, FeatureRecipe
from vkflow.modelling.linear import Matrix
from vkflow.modelling.neighbours import Neighbours
from vkflow.modelling.owner_rates import RatePrior
from vkflow.modelling.reducers import Reducer
from vkflow.modelling.training_set import Recipe
from vkflow.modelling.words import Words

Arrays = dict[str, np.ndarray]
KINDS = ("text", "image")
REMEMBERED = ("owners", "directions", "known_at", "got", "expected", "typical")
OF_WORDS = ("buckets", "weights", "components")

SHAPES: Mapping[str, tuple[str, ...]] = {
    "design.owners": ("owners",),
    "text.mean": ("text",),
    "text.components": ("text components", "text"),
    "image.mean": ("image",),
    "image.components": ("image components", "image"),
    "neighbours.owners": ("posts",),
    "neighbours.known_at": ("posts",),
    "neighbours.directions": ("posts", "text components"),
    "neighbours.got": ("posts", "activities"),
    "neighbours.expected": ("posts", "activities"),
    "neighbours.typical": ("activities",),
    "words.buckets": ("words",),
    "words.weights": ("words",),
    "words.components": ("word components", "words"),
    "design.text.": ("text",),
    "design.image.": ("image",),
    "design.words.": ("word components",),
    "design.history.": ("history",),
    "design.statistics.": ("statistics",),
    "design.neighbours.": ("neighbours",),
    "linear.": ("columns",),
    "replicates.": ("replicates", "columns"),
}
"""What the axes of arrays are, by how their names begin; those of one name have one length."""


def check_arrays(arrays: Arrays) -> None:
    """See that they are finite numbers, and that their shapes fit one another.

    Raises:
        ValueError: says which does not.
    """
    lengths: dict[str, int] = {}
    for name, values in arrays.items():
        axes = next((axes for start, axes in SHAPES.items() if name.startswith(start)), None)
        if axes is None or values.ndim != len(axes):
            raise ValueError(f"its array {name} has {values.ndim} axes")
        for axis, length in zip(axes, values.shape, strict=True):
            if lengths.setdefault(axis, length) != length:
                raise ValueError(f"its array {name} has {length} {axis}, not {lengths[axis]}")
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise ValueError(f"its array {name} has values that are no numbers")


def pack_arrays(recipe: Recipe, coefficients: Mapping[str, Matrix]) -> Arrays:
    """Everything of a recipe that is a number, and the coefficients, shape (columns,)."""
    arrays: Arrays = {"design.owners": np.array(recipe.design.owners, dtype=np.int64)}
    for group, standardiser in recipe.design.standardisers.items():
        arrays[f"design.{group}.mean"] = standardiser.mean
        arrays[f"design.{group}.scale"] = standardiser.scale
    reducers = (recipe.features.text_reducer, recipe.features.image_reducer)
    for kind, reducer in zip(KINDS, reducers, strict=True):
        if reducer is not None:
            arrays[f"{kind}.mean"] = reducer.mean
            arrays[f"{kind}.components"] = reducer.components
    neighbours = recipe.features.neighbours
    if neighbours is not None:
        arrays |= {f"neighbours.{name}": getattr(neighbours, name) for name in REMEMBERED}
    if recipe.design.words is not None:
        arrays |= {f"words.{name}": getattr(recipe.design.words, name) for name in OF_WORDS}
    arrays |= {f"linear.{activity}": values for activity, values in coefficients.items()}
    return {name: np.ascontiguousarray(values) for name, values in arrays.items()}


def unpack_arrays(
    arrays: Arrays,
    *,
    priors: Mapping[str, RatePrior],
    categories: Sequence[str],
    time_zone: str,
    owner_time_zones: Mapping[int, str],
    knows_members: bool,
) -> tuple[Recipe, dict[str, Matrix]]:
    """The recipe and the coefficients, shape (columns,), that :func:`pack_arrays` took apart.

    Raises:
        KeyError: an array is missing.
        ValueError: coefficients are not those of the columns of the design.
    """
    text, image = (
        Reducer(arrays[f"{kind}.mean"], arrays[f"{kind}.components"])
        if f"{kind}.mean" in arrays
        else None
        for kind in KINDS
    )
    neighbours = None
    if "neighbours.directions" in arrays:
        remembered = (arrays[f"neighbours.{name}"] for name in REMEMBERED)
        neighbours = Neighbours(tuple(priors), *remembered)
    features = FeatureRecipe(
        priors=priors,
        categories=tuple(categories),
        text_reducer=text,
        image_reducer=image,
        time_zone=time_zone,
        owner_time_zones=owner_time_zones,
        knows_members=knows_members,
        neighbours=neighbours,
    )
    design = _design(arrays, categories)
    return Recipe(features, design), _coefficients(arrays, design.width)


def _coefficients(arrays: Arrays, width: int) -> dict[str, Matrix]:
    start = "linear."
    found = {name: values for name, values in arrays.items() if name.startswith(start)}
    for name, values in found.items():
        if len(values) != width:
            raise ValueError(f"its array {name} has {len(values)} columns, not {width}")
    return {name.removeprefix(start): values for name, values in found.items()}


def _design(arrays: Arrays, categories: Sequence[str]) -> Design:
    words = None
    if "words.components" in arrays:
        words = Words(*(arrays[f"words.{name}"] for name in OF_WORDS))
    groups = {name.split(".")[1] for name in arrays if name.startswith("design.")} - {"owners"}
    groups |= {"history", "statistics"} | ({"words"} if words else set())
    return Design(
        owners=tuple(arrays["design.owners"].tolist()),
        categories=(*categories, NO_CATEGORY),
        standardisers={
            group: Standardiser(arrays[f"design.{group}.mean"], arrays[f"design.{group}.scale"])
            for group in groups
        },
        words=words,
    )
