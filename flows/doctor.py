"""What is installed, found and reachable on this machine."""

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from vkflow.errors import VkflowError
from vkflow.settings import Settings, load_settings
from vkflow.storage import Storage
from warehouse.errors import WarehouseError

PACKAGES = ("prefect", "duckdb", "polars", "torch", "transformers", "open_clip_torch", "catboost")
GIBIBYTE = 2**30
LOW_DISK = 2 * GIBIBYTE


@dataclass(frozen=True)
class Check:
    """One finding: whether it is well, and what to do if it is not."""

    name: str
    ok: bool
    finding: str


def run_checks(source: str | None = None) -> list[Check]:
    """Look at everything a night needs, without changing anything.

    Args:
        source: where posts come from; ``None``: as in the settings.
    """
    try:
        settings = load_settings(**({} if source is None else {"source": source}))
    except VkflowError as error:
        return [Check("settings", False, str(error))]
    looks: dict[str, Callable[[Settings], str]] = {
        "python": lambda _: _python(),
        "packages": lambda _: _packages(),
        "home": _home,
        "device": _device,
        "engine": _engine,
        "pictures": _pictures,
        "text encoder": _encoder,
        "picture tagger": _tagger,
        "source": _source,
        "warehouse": _warehouse,
        "snapshot": _snapshot,
    }
    return [Check("settings", True, _settings(settings))] + [
        _look(name, look, settings) for name, look in looks.items()
    ]


def _look(name: str, look: Callable[[Settings], str], settings: Settings) -> Check:
    try:
        return Check(name, True, look(settings))
    except (VkflowError, WarehouseError, OSError, ImportError, PackageNotFoundError) as error:
        return Check(name, False, str(error) or type(error).__name__)


def _settings(settings: Settings) -> str:
    return (
        f"source {settings.source}, encoder {settings.text.encoder}, "
        f"tagger {settings.images.tagger}"
    )


def _python() -> str:
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


def _packages() -> str:
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def _home(settings: Settings) -> str:
    home = settings.home.absolute()
    folder = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(folder, os.W_OK):
        raise OSError(f"{folder} cannot be written; set VKFLOW_HOME to a folder that can")
    free = shutil.disk_usage(folder).free
    if free < LOW_DISK:
        raise OSError(f"only {free / GIBIBYTE:.1f} GiB free in {folder}; make room")
    return f"{settings.home.absolute()}, {free / GIBIBYTE:.0f} GiB free"


def _device(settings: Settings) -> str:
    from vkflow.neural.devices import device_name, resolve_device, resolve_precision

    device = resolve_device(settings.device)
    precision = resolve_precision(settings.precision, device)
    return f"{device} ({device_name(device)}), {precision}"


def _engine(settings: Settings) -> str:
    Storage(settings.parts_url, "parts").check()
    if settings.engine == "local":
        return "local: this process"
    from vkflow.engines.ray_data import describe_ray

    return describe_ray(settings.ray)


def _pictures(settings: Settings) -> str:
    settings.media.check()
    kept = "kept" if settings.images.keep else "dropped once they are tagged"
    return f"{settings.media.url}, {kept}"


def _encoder(settings: Settings) -> str:
    from vkflow.text.loading import load_encoder, weights_to_unpack

    if package := weights_to_unpack(settings):
        return f"{settings.text.encoder}, made of {package} at its first use: 15 s, 500 MB"
    with _no_downloads():
        encoder = load_encoder(settings)
    return f"{encoder.encoder_id}, {encoder.dimensions} dimensions"


@contextmanager
def _no_downloads() -> Iterator[None]:
    """Only models that are on this machine are loaded: looking must not fetch gigabytes."""
    from huggingface_hub import constants

    was_offline, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = was_offline


def _tagger(settings: Settings) -> str:
    if settings.images.tagger == "none":
        return "switched off"
    from vkflow.images.tagger import load_tagger
    from vkflow.images.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(settings.images.taxonomy_name)
    with _no_downloads():
        tagger = load_tagger(
            settings.images.tagger, device=settings.device, precision=settings.precision
        )
    return f"{tagger.encoder_id}, {len(taxonomy.categories)} categories of {taxonomy.taxonomy_id}"


def _source(settings: Settings) -> str:
    from vkflow.sources.database.source import DatabaseSource
    from vkflow.sources.dataset.source import DatasetSource
    from vkflow.sources.opening import open_source

    source = open_source(settings)
    if source.name == "vk":
        from vkflow.sources.vk.access import check_access

        return f"vk: {check_access(settings.vk)}"
    if isinstance(source, DatabaseSource | DatasetSource):
        return f"{source.name}: {source.describe()}"
    if not settings.sample_directory.exists():
        raise OSError(
            f"{settings.sample_directory} does not exist; `vkflow sample` writes sample posts"
        )
    return f"{source.name}: {settings.sample_directory}"


def _warehouse(settings: Settings) -> str:
    from tasks.step import catalog_of
    from warehouse.catalogs import describe

    return describe(catalog_of(settings))


def _snapshot(settings: Settings) -> str:
    if not settings.snapshot_file.exists():
        return "none yet: the first night publishes it"
    from warehouse.publishing import read_snapshot

    rows = read_snapshot(settings.snapshot_file, "SELECT count(*) FROM predictions").item()
    return f"{settings.snapshot_file}, {rows} predictions"
