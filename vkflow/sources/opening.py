"""From the setting ``source`` to a source."""

from vkflow.errors import SettingsError
from vkflow.settings import Settings
from vkflow.sources.dataset import DatasetSource
from vkflow.sources.sample import SampleSource
from vkflow.sources.source import Source


def open_source(settings: Settings) -> Source:
    """The source the settings name.

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
    if settings.dataset.path is None:
        raise SettingsError(
            "source = dataset needs a file: give --path FILE, or set VKFLOW_DATASET__PATH"
        )
    return DatasetSource(settings.dataset.path, settings.dataset.chunk_rows)
