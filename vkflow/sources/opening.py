"""From the setting ``source`` to a source."""

from vkflow.errors import SettingsError
from vkflow.settings import Settings
from vkflow.sources.database.source import DatabaseSource
from vkflow.sources.dataset.remote import Limits
from vkflow.sources.dataset.source import DatasetSource
from vkflow.sources.downloads import PictureDownloader
from vkflow.sources.sample import SampleSource
from vkflow.sources.source import Source
from vkflow.sources.vk.source import VkSource
from vkflow.sources.vk.tokens import KeepToken

COPIES = 32


def open_source(settings: Settings, keep_token: KeepToken | None = None) -> Source:
    """The source the settings name.

    Args:
        settings: all of them.
        keep_token: where a renewed token of VK goes.

    Raises:
        SettingsError: it lacks a setting, or does not go with the picture tagger.
    """
    if settings.source == "sample":
        return SampleSource(settings.sample_directory)
    if settings.images.tagger == "sample":
        raise SettingsError(
            "images.tagger = sample knows only the drawn pictures of sample posts. For the source "
            f"{settings.source} set VKFLOW_IMAGES__TAGGER to an open_clip model such as "
            "ViT-L-14:openai, to local-dir:PATH, or to none to leave pictures out."
        )
    if settings.source == "vk":
        return _open_vk(settings, keep_token)
    if settings.source == "database":
        return DatabaseSource(settings.database, chunk_bytes=_chunk_bytes(settings))
    return _open_dataset(settings)


def _open_dataset(settings: Settings) -> DatasetSource:
    dataset = settings.dataset
    if dataset.path is None:
        raise SettingsError(
            "source = dataset needs a file: give --path FILE, or set VKFLOW_DATASET__PATH"
        )
    encoding = None if dataset.encoding == "auto" else dataset.encoding
    return DatasetSource(
        dataset.path,
        settings.downloads_directory,
        dataset.columns,
        dataset.chunk_rows,
        encoding,
        chunk_bytes=_chunk_bytes(settings),
        limits=Limits(dataset.download_gib * 2**30, dataset.download_hours * 3_600),
    )


def _open_vk(settings: Settings, keep_token: KeepToken | None) -> VkSource:
    if settings.images.tagger == "none":
        return VkSource(settings.vk, keep=keep_token)
    hosts, at_a_time = settings.vk.picture_hosts, settings.vk.picture_downloads
    downloader = PictureDownloader(hosts, at_a_time)
    return VkSource(settings.vk, downloader, keep=keep_token, chunk_bytes=_chunk_bytes(settings))


def _chunk_bytes(settings: Settings) -> int:
    """Of posts and pictures as they come: they are decoded, typed and stored in some copies."""
    return settings.memory_bytes // COPIES
