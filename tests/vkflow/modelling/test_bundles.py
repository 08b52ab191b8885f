"""Bundles on disk: as they were, or refused with the way out."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file, save_file

from vkflow.errors import BadBundleError, MissingModelError
from vkflow.modelling.bundles import (
    Bundle,
    load_bundle,
    save_bundle,
)


def test_bundle_comes_back_from_disk_as_it_was(
    posts: pl.DataFrame, bundle: Bundle, tmp_path: Path
) -> None:
    folder = save_bundle(bundle, tmp_path)
    loaded = load_bundle(tmp_path, "20260401-abc")
    np.testing.assert_array_equal(bundle.predict(posts)["like"], loaded.predict(posts)["like"])
    assert loaded.manifest == bundle.manifest
    names = {file.name for file in folder.iterdir()}
    assert names == {"like.cbm", "manifest.json", "arrays.safetensors"}


def test_saving_twice_gives_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    first = save_bundle(bundle, tmp_path / "a")
    second = save_bundle(bundle, tmp_path / "b")
    for name in ("manifest.json", "arrays.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def _remove_model(folder: Path) -> None:
    (folder / "like.cbm").unlink()


def _damage_model(folder: Path) -> None:
    (folder / "like.cbm").write_bytes(b"nonsense")


def _damage_arrays(folder: Path) -> None:
    (folder / "arrays.safetensors").write_bytes(b"nonsense")


def _damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")


def _promise_gigabytes(folder: Path) -> None:
    """CatBoost would end the whole process."""
    (folder / "like.cbm").write_bytes(b"CBM1" + b"\xff" * 100)


def _put_pipe(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")


def _unsettle(*where: str, value: object = float("nan")) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        *path, last = where
        place = manifest
        for name in path:
            place = place[name]
        place[last] = value
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return damage


def _with_array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        arrays = load_file(folder / "arrays.safetensors")
        save_file(arrays | {name: change(arrays[name])}, folder / "arrays.safetensors")

    return damage


def _without_array(*names: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        arrays = load_file(folder / "arrays.safetensors")
        save_file(
            {n: a for n, a in arrays.items() if n not in names}, folder / "arrays.safetensors"
        )

    return damage


def _take_manifest_of_another(folder: Path) -> None:
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model_version": "other"}))


@pytest.mark.parametrize(
    "damage",
    [
        _remove_model,
        _damage_model,
        _damage_arrays,
        _damage_manifest,
        _promise_gigabytes,
        _put_pipe,
        _unsettle("trained", "like", "slope"),
        _unsettle("trained", "like", "owner_share", value=1),
        _unsettle("spreads", "like", "variance"),
        _unsettle("spreads", "like", "owners", "-1"),
        _unsettle("time_zone", value="Europe/Nowhere"),
        _unsettle("owner_time_zones", value={"-1": "../../etc/passwd"}),
        _unsettle("priors", "like", "rate", value=-1),
        _with_array("linear.like", lambda values: values * np.float32("nan")),
        _with_array("linear.like", lambda values: values[:, None].copy()),
        _with_array("text.mean", lambda values: values[:-1].copy()),
        _with_array("linear.like", lambda values: values[:-1].copy()),
        _with_array("design.owners", lambda values: values[:-1].copy()),
        _without_array("design.history.mean", "design.history.scale"),
        _without_array("design.text.mean", "design.text.scale"),
        _without_array("design.words.mean", "design.words.scale"),
        _take_manifest_of_another,
    ],
)
def test_damaged_bundle_is_named_with_the_way_out(
    damage: Callable[[Path], None], bundle: Bundle, tmp_path: Path
) -> None:
    damage(save_bundle(bundle, tmp_path))
    with pytest.raises(BadBundleError, match="promote VERSION"):
        load_bundle(tmp_path, "20260401-abc")


def test_bundle_of_another_version_says_so(bundle: Bundle, tmp_path: Path) -> None:
    arrays = save_bundle(bundle, tmp_path) / "arrays.safetensors"
    save_file({k: v for k, v in load_file(arrays).items() if k != "design.owners"}, arrays)
    with pytest.raises(BadBundleError, match=r"another version of vkflow.*vkflow train"):
        load_bundle(tmp_path, "20260401-abc")


def test_in_a_bundle_of_an_earlier_version_the_owner_rate_has_no_share(
    bundle: Bundle, tmp_path: Path
) -> None:
    folder = save_bundle(bundle, tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["trained"]["like"].pop("owner_share") > 0
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert load_bundle(tmp_path, folder.name).models["like"].owner_share == 0


def test_missing_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError, match="there is no bundle"):
        load_bundle(tmp_path, "20260401-abc")


@pytest.mark.parametrize("version", ["", ".", "..", "20260401-abc/", "a/../20260401-abc", "/etc"])
def test_path_is_no_version(bundle: Bundle, tmp_path: Path, version: str) -> None:
    """Promoted, such a name would be the champion's from then on."""
    save_bundle(bundle, tmp_path)
    with pytest.raises(MissingModelError, match="is no version of a bundle"):
        load_bundle(tmp_path, version)


def test_activity_without_a_model_is_predicted_by_its_owner_rate(
    posts: pl.DataFrame, bundle: Bundle
) -> None:
    without = Bundle(bundle.manifest, bundle.recipe, {})
    assert (bundle.predicted_by("like"), without.predicted_by("like")) == ("model", "owner rate")
    rates = without.predict(posts)["like"]
    assert np.unique(rates.round(12)).size > 10
    assert abs(rates.mean() - bundle.recipe.features.priors["like"].rate) < 0.03
