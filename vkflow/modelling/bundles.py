"""A bundle on disk: a .cbm per activity, arrays, a manifest. Never pickle."""

import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from vkflow.errors import BadBundleError, MissingModelError
from vkflow.modelling.arrays import Arrays, check_arrays, pack_arrays, unpack_arrays
from vkflow.modelling.calibration import Calibration
from vkflow.modelling.features import MEMBERS
from vkflow.modelling.linear import Matrix
from vkflow.modelling.metrics import Floats
from vkflow.modelling.owner_rates import RatePrior
from vkflow.modelling.prediction import predict_posts
from vkflow.modelling.spreads import Spread
from vkflow.modelling.training import ActivityModel
from vkflow.modelling.training_set import Recipe

MANIFEST = "manifest.json"
ARRAYS = "arrays.safetensors"
CHAMPION = "champion"
REPLICATES = "replicates."


class Prior(BaseModel):
    """A :class:`RatePrior` in the manifest."""

    model_config = ConfigDict(allow_inf_nan=False)

    rate: float = Field(ge=0, le=1)
    strength: float = Field(gt=0)


class Fitted(BaseModel):
    """How the model of one activity came out."""

    model_config = ConfigDict(allow_inf_nan=False)

    intercept: float
    slope: float
    variance: float = 0.0
    penalty: float
    owner_share: float = Field(0.0, ge=0, lt=1)
    n_trees: int


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
    time_zone: str
    owner_time_zones: dict[int, str]
    trained: dict[str, Fitted]
    skipped: dict[str, str]
    notes: list[str] = []
    spreads: dict[str, Spread] = {}
    parameters: dict[str, object]
    versions: dict[str, str]

    @model_validator(mode="after")
    def _has_time_zones(self) -> "Manifest":
        for name in (self.time_zone, *self.owner_time_zones.values()):
            try:
                ZoneInfo(name)
            except (OSError, ValueError, ZoneInfoNotFoundError):
                raise ValueError(f"there is no time zone {name!r}") from None
        return self


class Bundle:
    """A trained model version, ready to predict."""

    def __init__(
        self, manifest: Manifest, recipe: Recipe, models: Mapping[str, ActivityModel]
    ) -> None:
        self.manifest = manifest
        self.recipe = recipe
        self.models = models

    def predict(self, posts: pl.DataFrame, table: pl.DataFrame | None = None) -> dict[str, Floats]:
        """Probabilities of every activity with a known rate, by name.

        An activity without a model is predicted by its owner baseline.

        Args:
            posts: rows of ``warehouse.features.selected_features``.
            table: features of the same posts, where they are known already.

        Returns:
            float64 in (0, 1), shape (posts,), by activity.
        """
        return predict_posts(self.recipe, self.models, posts, table)

    def predicted_by(self, activity: str) -> str:
        """``model``, or ``owner rate`` for an activity that was skipped in training."""
        return "model" if activity in self.models else "owner rate"


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
        model.trees.save_model(str(draft / f"{activity}.cbm"))
    coefficients = {name: model.coefficients for name, model in bundle.models.items()}
    arrays = pack_arrays(bundle.recipe, coefficients) | {
        f"{REPLICATES}{name}": np.ascontiguousarray(model.replicates)
        for name, model in bundle.models.items()
        if model.replicates is not None
    }
    save_file(arrays, str(draft / ARRAYS))
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
    if model_version in ("", "..") or Path(model_version).name != model_version:
        raise MissingModelError(
            f"{model_version!r} is no version of a bundle; `vkflow models list` shows them"
        )
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
            f"the bundle {folder} cannot be read ({reason}); train anew with `vkflow train`, or "
            f"restore the folder from a backup, or go back to another version with `vkflow models "
            f"promote VERSION`"
        ) from error


def read_manifest(models_directory: Path, model_version: str) -> Manifest:
    """Read only what a bundle says of itself; raises as :func:`load_bundle`."""
    return load_bundle(models_directory, model_version).manifest


def name_champion(models_directory: Path, model_version: str) -> None:
    """Write the file that tells people and scripts which bundle is in use."""
    draft = models_directory / f".{CHAMPION}.{os.getpid()}"
    draft.write_text(model_version + "\n", encoding="utf-8")
    draft.replace(models_directory / CHAMPION)


def _read(folder: Path) -> Bundle:
    if odd := [file.name for file in folder.iterdir() if not file.is_file()]:
        raise ValueError(f"{odd[0]} is no file, but a folder, a pipe or the like")
    manifest = Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    if manifest.model_version != folder.name:
        raise ValueError(f"its manifest is of {manifest.model_version!r}")
    arrays = _load_arrays(folder / ARRAYS)
    try:
        recipe, coefficients = _unpack(arrays, manifest)
    except KeyError as error:
        raise ValueError(f"another version of vkflow made it, it lacks {error}") from error
    if list(recipe.features.describe()) != list(manifest.features):
        raise ValueError("its features are not those this version of vkflow computes")
    models = {
        activity: ActivityModel(
            coefficients[activity],
            _load_trees(folder / f"{activity}.cbm"),
            Calibration(fitted.intercept, fitted.slope),
            fitted.variance,
            fitted.penalty,
            fitted.owner_share,
            arrays.get(f"{REPLICATES}{activity}"),
        )
        for activity, fitted in manifest.trained.items()
    }
    return Bundle(manifest, recipe, models)


def _unpack(arrays: Arrays, manifest: Manifest) -> tuple[Recipe, dict[str, Matrix]]:
    return unpack_arrays(
        arrays,
        priors={name: RatePrior(**prior.model_dump()) for name, prior in manifest.priors.items()},
        categories=manifest.categories,
        time_zone=manifest.time_zone,
        owner_time_zones=manifest.owner_time_zones,
        knows_members=MEMBERS in manifest.features,
    )


def _load_trees(file: Path) -> Any:
    from catboost import CatBoost, CatBoostError

    with file.open("rb") as opened:
        magic, size = opened.read(4), int.from_bytes(opened.read(4), "little")
    if magic != b"CBM1" or size > file.stat().st_size:  # CatBoost would end the whole process
        raise ValueError(f"{file.name} is no model of CatBoost")
    try:
        return CatBoost().load_model(str(file))
    except CatBoostError as error:
        raise ValueError(f"{file.name}: {error}") from error


def _load_arrays(file: Path) -> Arrays:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(str(file))
    except SafetensorError as error:
        raise ValueError(f"{file.name}: {error}") from error
    check_arrays(arrays)
    return arrays


def manifest_json(manifest: Manifest) -> str:
    """The manifest as one line of JSON, for the warehouse."""
    return json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False)
