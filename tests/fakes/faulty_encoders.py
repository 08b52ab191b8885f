"""Text encoders that fail on the text ``POISON``, each in its own way."""

import os
import signal
from collections.abc import Sequence

import numpy as np

from tests.fakes.hashed_words import HashedWords
from vkflow.settings import Settings
from vkflow.text.encoders import EncodedTexts, Progress, no_progress

POISON = "яд"


class FaultyEncoder(HashedWords):
    """Raises, gives NaN, or dies; everything else is a vector."""

    def __init__(self, fault: str) -> None:
        super().__init__(16)
        self.fault = fault
        self.encoder_id = f"faulty@1/{fault}"
        self.read: list[str] = []

    def encode(self, texts: Sequence[str], on_progress: Progress = no_progress) -> EncodedTexts:
        self.read += texts
        encoded = super().encode(texts, on_progress)
        if self.fault == "always raises":
            raise RuntimeError("the device is gone")
        if POISON in texts:
            if self.fault == "raises":
                raise ValueError("cannot read this")
            if self.fault == "lacks memory":
                raise MemoryError
            if self.fault == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.fault == "gives NaN":
                encoded.vectors[list(texts).index(POISON)] = np.nan
        return encoded


def load_dying_encoder(_settings: Settings) -> FaultyEncoder:
    """A function of a module, as a child process needs it."""
    return FaultyEncoder("dies")


def embed_with_dying_encoder(settings: Settings) -> None:
    """The step of a night, in a process of its own."""
    from tasks import texts

    texts.load_encoder = load_dying_encoder  # type: ignore[assignment]
    texts.embed_texts.fn(settings)
