"""A bundle on disk: a .cbm per activity, the reducers, a manifest. Never pickle."""

import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from vkflow.errors import BadBundleError, MissingModelError
from vkflow.modelling.features import FeatureRecipe
from vkflow.modelling.metrics import Floats
from vkflow.modelling.owner_rates import RatePrior, smoothed_rates
from vkflow.modelling.prediction import predict_table
from vkflow.modelling.reducers import Reducer

MANIFEST = "manifest.json"
REDUCERS = "reducers.safetensors"
CHAMPION = "champion"


class Prior(BaseModel):
    """A :class:`RatePrior` in the manifest."""

    rate: float
    strength: float


class Manifest(BaseModel):
    """What a bundle was made from, and how to use it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model_version: str
    created_at: datetime
    fingerprint: str
    trained_on_from: datetime | None
    trained_on_to: datetime | None
    split_sizes: dict[str, int]
    encoder_id: str
    tagger_id: str
    taxonomy: str
    statistics_version: int
    categories: list[str]
    priors: dict[str, Prior]
    features: dict[str, str]
    trained: list[str]
    skipped: dict[str, str]
    parameters: dict[str, float]
    versions: dict[str, str]


class Bundle:
    """A trained model version, ready to predict."""

    def __init__(self, manifest: Manifest, recipe: FeatureRecipe, models: Mapping[str, Any]):
        self.manifest = manifest
        self.recipe = recipe
        self.models = models

    def predict(self, posts: pl.DataFrame) -> dict[str, Floats]:
        """Probabilities of every activity with a known rate, by name.

        An activity without a model is predicted by its owner baseline.

        Args:
            posts: rows of ``warehouse.features.selected_features``.

        Returns:
            float64 in (0, 1), shape (posts,), by activity.
        """
        table = self.recipe.table(posts)
        baseline = {
            activity: smoothed_rates(posts, activity, prior)
            for activity, prior in self.recipe.priors.items()
            if activity not in self.models
        }
        return predict_table(self.models, table) | baseline


def save_bundle(bundle: Bundle, models_directory: Path) -> Path:
    """Write a bundle to a folder named by its version; it appears whole or not at all.

    Returns:
        The folder.
    """
    from safetensors.numpy import save_file

    folder = models_directory / bundle.manifest.model_version
    draft = models_directory / f".{folder.name}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for activity, model in bundle.models.items():
        model.save_model(str(draft / f"{activity}.cbm"))
    save_file(_reducer_arrays(bundle.recipe), str(draft / REDUCERS))
    manifest = bundle.manifest.model_dump_json(indent=2)
    (draft / MANIFEST).write_text(manifest + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    draft.replace(folder)
    return folder


def load_bundle(models_directory: Path, model_version: str) -> Bundle:
    """Read a bundle.

    Raises:
        MissingModelError: there is no such folder.
        BadBundleError: a file is missing, damaged, or not what the manifest says.
    """
    folder = models_directory / model_version
    if not folder.is_dir():
        raise MissingModelError(
            f"there is no bundle {folder}; restore the folder, or train anew with `vkflow train`"
        )
    try:
        return _read(folder)
    except (OSError, ValueError, ValidationError, KeyError) as error:
        reason = str(error).splitlines()[0]
        raise BadBundleError(
            f"the bundle {folder} cannot be read ({reason}); restore the folder from a backup, or "
            f"go back to another version with `vkflow models promote VERSION`"
        ) from error


def name_champion(models_directory: Path, model_version: str) -> None:
    """Write the file that tells people and scripts which bundle is in use."""
    draft = models_directory / f".{CHAMPION}.{os.getpid()}"
    draft.write_text(model_version + "\n", encoding="utf-8")
    draft.replace(models_directory / CHAMPION)


def _read(folder: Path) -> Bundle:
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    recipe = FeatureRecipe(
        priors={name: RatePrior(**prior.model_dump()) for name, prior in manifest.priors.items()},
        categories=manifest.categories,
        **_read_reducers(folder / REDUCERS),
    )
    if list(recipe.describe()) != list(manifest.features):
        raise ValueError("its features are not those this version of vkflow computes")
    models = {activity: _read_model(folder / f"{activity}.cbm") for activity in manifest.trained}
    return Bundle(manifest, recipe, models)


def _read_model(file: Path) -> Any:
    from catboost import CatBoost, CatBoostError

    try:
        return CatBoost().load_model(str(file))
    except CatBoostError as error:
        raise ValueError(f"{file.name}: {error}") from error


def _reducer_arrays(recipe: FeatureRecipe) -> dict[str, Any]:
    arrays = {}
    for kind, reducer in (("text", recipe.text_reducer), ("image", recipe.image_reducer)):
        if reducer is not None:
            arrays[f"{kind}_mean"] = np.ascontiguousarray(reducer.mean)
            arrays[f"{kind}_components"] = np.ascontiguousarray(reducer.components)
    return arrays


def _read_reducers(file: Path) -> dict[str, Reducer | None]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(str(file))
    except SafetensorError as error:
        raise ValueError(f"{file.name}: {error}") from error
    return {
        f"{kind}_reducer": Reducer(arrays[f"{kind}_mean"], arrays[f"{kind}_components"])
        if f"{kind}_mean" in arrays
        else None
        for kind in ("text", "image")
    }


def manifest_json(manifest: Manifest) -> str:
    """The manifest as one line of JSON, for the warehouse."""
    return json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False)
