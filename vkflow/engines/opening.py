"""Which engine does the work."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

from vkflow.engines.engine import Engine
from vkflow.engines.local import LocalEngine
from vkflow.settings import Settings


@contextmanager
def open_engine(settings: Settings) -> Iterator[Engine]:
    """The engine of these settings, for the time of a step.

    Raises:
        SettingsError: it is not installed.
        WorkFailedError: its cluster does not answer.
    """
    if settings.engine == "local":
        yield LocalEngine()
        return
    from vkflow.engines.ray_data import open_ray

    with open_ray(settings) as engine:
        yield engine


@contextmanager
def engine_when_needed(settings: Settings) -> Iterator[Callable[[], Engine]]:
    """What opens the engine the first time it is called, and keeps it until the end."""
    with ExitStack() as stack:
        yield cache(lambda: stack.enter_context(open_engine(settings)))


def settings_for_workers(settings: Settings) -> Settings:
    """Settings that may be sent to other processes: without secrets, with absolute paths."""
    return settings.model_copy(
        update={
            "home": settings.home.absolute(),
            "hub": settings.hub_directory.absolute(),
            "images": settings.images.model_copy(update={"media": settings.media.url}),
            **{
                section: type(getattr(settings, section))()
                for section in ("vk", "database", "dataset", "export", "warehouse")
            },
        }
    )
