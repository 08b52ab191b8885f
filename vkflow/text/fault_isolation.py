"""Finding the few texts an encoder fails on, so that the others get their vectors."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from vkflow.settings import Settings
from vkflow.text.encoders import EncodedTexts, TextEncoder

Encode = Callable[[list[str]], EncodedTexts]
HARMLESS = "текст"
"""Where an encoder fails on this too, the fault is its own and no text is to blame."""


@dataclass(frozen=True)
class IsolatedTexts:
    """What could be encoded, and what could not.

    Attributes:
        encoded: vectors of the texts at ``places``, in their order.
        places: positions of these texts among all.
        faults: reason by position of each text the encoder fails on.
    """

    encoded: EncodedTexts
    places: list[int]
    faults: dict[int, str]


def encode_isolating_faults(encode: Encode, texts: Sequence[str]) -> IsolatedTexts:
    """Encode texts; where that fails, halve them until the ones to blame are alone.

    Args:
        encode: encodes a list of texts; raises where it cannot.
        texts: cleaned for encoders, at least one.

    Raises:
        Exception: the encoder's own, where it fails on a harmless text as well, or where memory
            is short: another program may have it, and no text is to blame.
    """
    faults: dict[int, str] = {}
    parts: list[tuple[list[int], EncodedTexts]] = []
    waiting = [list(range(len(texts)))]
    while waiting:
        places = waiting.pop()
        try:
            encoded = encode([texts[place] for place in places])
        except Exception as error:
            if _is_lack_of_memory(error):
                raise
            if len(places) > 1:
                middle = len(places) // 2
                waiting += [places[middle:], places[:middle]]
                continue
            encode([HARMLESS])
            faults[places[0]] = _reason(error)
            continue
        parts.append((places, encoded))
    return _joined(parts, faults)


@contextmanager
def encoder_in_own_process(
    load: Callable[[Settings], TextEncoder], settings: Settings
) -> Iterator[Encode]:
    """An encoder in a child process, which a text may kill: it is an error here, and no more.

    Args:
        load: a function of a module, which the child imports.
        settings: what it loads from.
    """
    pools: list[ProcessPoolExecutor] = []

    def encode(texts: list[str]) -> EncodedTexts:
        if not pools:
            pools.append(
                ProcessPoolExecutor(
                    1, get_context("spawn"), initializer=_load, initargs=(load, settings)
                )
            )
        try:
            return pools[0].submit(_encode, texts).result()
        except BrokenProcessPool:
            pools.pop().shutdown()
            raise

    try:
        yield encode
    finally:
        for pool in pools:
            pool.shutdown()


_loaded: list[TextEncoder] = []


def _load(load: Callable[[Settings], TextEncoder], settings: Settings) -> None:
    _loaded[:] = [load(settings)]


def _encode(texts: list[str]) -> EncodedTexts:
    return _loaded[0].encode(texts)


def _is_lack_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError)


def _reason(error: Exception) -> str:
    if isinstance(error, BrokenProcessPool):
        return "the text encoder's process dies on this text"
    detail = str(error).splitlines()[0][:200] if str(error) else ""
    return f"the text encoder fails on this text: {type(error).__name__} {detail}".rstrip()


def _joined(parts: list[tuple[list[int], EncodedTexts]], faults: dict[int, str]) -> IsolatedTexts:
    """The parts as one; a vector that is not finite is a fault as well."""
    places: list[int] = []
    kept: list[EncodedTexts] = []
    for positions, encoded in parts:
        finite = np.atleast_1d(np.isfinite(encoded.vectors).all(axis=1))
        faults |= {
            place: "the text encoder gives no finite vector for this text"
            for place, is_finite in zip(positions, finite, strict=True)
            if not is_finite
        }
        places += [place for place, fine in zip(positions, finite, strict=True) if fine]
        kept.append(
            EncodedTexts(
                encoded.vectors[finite], encoded.n_tokens[finite], encoded.truncated[finite]
            )
        )
    if not kept:
        nothing = EncodedTexts(
            np.zeros((0, 0), np.float32), np.zeros(0, np.int32), np.zeros(0, np.bool_)
        )
        return IsolatedTexts(nothing, [], faults)
    return IsolatedTexts(
        EncodedTexts(
            np.concatenate([part.vectors for part in kept]),
            np.concatenate([part.n_tokens for part in kept]),
            np.concatenate([part.truncated for part in kept]),
        ),
        places,
        faults,
    )
