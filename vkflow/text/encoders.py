"""The interface of text encoders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Progress = Callable[[int], None]
"""Called with the number of items finished since the last call."""


def no_progress(finished: int) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class EncodedTexts:
    """Vectors of texts, in the order of the texts.

    Attributes:
        vectors: float32, shape (texts, dimensions).
        n_tokens: int32, shape (texts,): tokens read, special ones included.
        truncated: bool, shape (texts,): whether the text went on beyond them.
    """

    vectors: NDArray[np.float32]
    n_tokens: NDArray[np.int32]
    truncated: NDArray[np.bool_]


class TextEncoder(Protocol):
    """Turns texts into vectors; equal texts give equal vectors whatever stands beside them."""

    @property
    def encoder_id(self) -> str:
        """Names model, revision, pooling, cut and precision: whatever changes a vector."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    @property
    def chunk_texts(self) -> int:
        """How many texts are worth a save of their own."""

    def encode(self, texts: Sequence[str], on_progress: Progress = no_progress) -> EncodedTexts:
        """Encode texts that were cleaned for encoders."""
