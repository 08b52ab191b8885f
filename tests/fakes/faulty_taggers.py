"""Taggers that fail on pictures of 13 pixels, or on one text, each in its own way."""

import io
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image

from vkflow.engines.engine import Recruit, Worker
from vkflow.engines.workers import pictures
from vkflow.images.tagger import PictureTagger, load_tagger
from vkflow.settings import Settings

SIDE = 13
POISON = "яд"


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


@dataclass(frozen=True)
class FaultyTokenizer:
    """What the text tower reads of texts, unless the poison is among them."""

    fault: str
    good: Callable[[list[str]], Any]

    def __call__(self, texts: list[str]) -> Any:
        if POISON in texts:
            if self.fault == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            raise ValueError("cannot read this")
        return self.good(texts)


def load_faulty_tagger(fault: str) -> PictureTagger:
    tagger = load_tagger("sample")
    return replace(tagger, _preprocess=FaultyPreprocess(fault, tagger._preprocess))


def load_faulty_reader(fault: str) -> PictureTagger:
    tagger = load_tagger("sample")
    return replace(tagger, _tokenize=FaultyTokenizer(fault, tagger._tokenize))


def load_dying_reader(*_: object, **__: object) -> PictureTagger:
    return load_faulty_reader("dies")


def load_dying_tagger(*_: object, **__: object) -> PictureTagger:
    return load_faulty_tagger("dies")


@dataclass(frozen=True)
class DyingRecruit:
    """Makes a worker with a dying tagger, in a child process, too."""

    load: Callable[..., PictureTagger]
    good: Recruit

    def __call__(self) -> Worker:
        pictures.load_tagger = self.load  # type: ignore[assignment]
        return self.good()


def tag_with_dying_tagger(settings: Settings) -> int:
    """The step of a night; where it dies, in a process of its own."""
    return tag_with(load_dying_tagger, settings)


def tag_with_dying_reader(settings: Settings) -> int:
    """The same with a text tower that dies."""
    return tag_with(load_dying_reader, settings)


def tag_with(load: Callable[..., PictureTagger], settings: Settings) -> int:
    from tasks import pictures as step
    from tasks import similarities

    step.load_tagger = load  # type: ignore[assignment]
    step.recruit_picture_worker = lambda *given: DyingRecruit(
        load, pictures.recruit_picture_worker(*given)
    )
    similarities.recruit_pair_worker = lambda *given: DyingRecruit(
        load, pictures.recruit_pair_worker(*given)
    )
    return step.tag_pictures.fn(settings)
