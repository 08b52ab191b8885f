"""Taggers that fail on pictures of 13 pixels, each in its own way."""

import io
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from vkflow.engines.engine import Recruit
from vkflow.engines.workers import pictures
from vkflow.engines.workers.pictures import PictureWorker
from vkflow.images.tagger import PictureTagger, load_tagger
from vkflow.settings import Settings

SIDE = 13


def poison() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE)).save(file, "JPEG")
    return file.getvalue()


@dataclass(frozen=True)
class FaultyPreprocess:
    """What the model reads of a picture, unless it is the poison."""

    fault: str
    good: Callable[[Image.Image], Any]

    def __call__(self, image: Image.Image) -> Any:
        if self.fault == "always raises":
            raise RuntimeError("the device is gone")
        if image.size == (SIDE, SIDE):
            if self.fault == "raises":
                raise ValueError("cannot see this")
            if self.fault == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
        return self.good(image)


def load_faulty_tagger(fault: str) -> PictureTagger:
    tagger = load_tagger("sample")
    return replace(tagger, _preprocess=FaultyPreprocess(fault, tagger._preprocess))


def load_dying_tagger(*_: object, **__: object) -> PictureTagger:
    return load_faulty_tagger("dies")


@dataclass(frozen=True)
class DyingRecruit:
    """Makes a worker with a dying tagger, in a child process, too."""

    good: Recruit

    def __call__(self) -> PictureWorker:
        pictures.load_tagger = load_dying_tagger  # type: ignore[assignment]
        return self.good()


def recruit_dying_worker(*given: Any) -> Recruit:
    return DyingRecruit(pictures.recruit_picture_worker(*given))


def tag_with_dying_tagger(settings: Settings) -> int:
    """The step of a night; where it dies, in a process of its own."""
    from tasks import pictures as step

    step.load_tagger = load_dying_tagger  # type: ignore[assignment]
    step.recruit_picture_worker = recruit_dying_worker
    return step.tag_pictures.fn(settings)
