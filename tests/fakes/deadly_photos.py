"""Whoever decodes ``POISON`` fails or dies of it, as a hole in a decoder may have it."""

import os
import signal
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vkflow.engines.engine import Recruit
from vkflow.engines.workers import photos
from vkflow.engines.workers.photos import PhotoWorker
from vkflow.images.media import StoredPicture, store_picture
from vkflow.settings import Settings

POISON = b"\xff\xd8\xffpoison"


def die_of_poison(*given: Any, **more: Any) -> StoredPicture:
    if POISON in given:
        os.kill(os.getpid(), signal.SIGKILL)
    return store_picture(*given, **more)


@dataclass(frozen=True)
class DyingRecruit:
    """Makes a worker that dies, in a child process, too."""

    good: Recruit

    def __call__(self) -> PhotoWorker:
        photos.store_picture = die_of_poison
        return self.good()


def recruit_dying_worker(settings: Settings) -> Recruit:
    return DyingRecruit(photos.recruit_photo_worker(settings))


def pull_with_dying_worker(settings: Settings, as_of: datetime) -> None:
    """The step of a night; where it dies, in a process of its own."""
    from tasks import pulling

    photos.store_picture = die_of_poison
    pulling.recruit_photo_worker = recruit_dying_worker
    pulling.pull_posts.fn(settings, as_of)
