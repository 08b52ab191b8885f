"""Models on disk: nothing but files of bounded size, and an identity for what they make."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from vkflow.errors import MissingModelError

DIGITS = 12
TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.*", "merges.txt")
"""What else decides how a text is read: another tokenizer makes other vectors."""


READ_WHOLE = ("*.json", "*.txt", "*.model", "*.jinja")
MAX_BYTES = 2**28

Shapes = Sequence[Sequence[int]]
MOST_RESIZED = 2
"""Times its weights that a model may be: a larger picture has more parts, each with its place."""


def check_files(directory: Path) -> None:
    """See that a model's folder has no pipe, and no file to read whole that is larger than any.

    Raises:
        MissingModelError: a tokenizer, say, is of gigabytes, which all become memory.
    """
    for file in directory.glob("*"):
        if file.is_dir():
            continue
        if not file.is_file():
            raise MissingModelError(f"{file} is no file, but a pipe or the like")
        size, is_read_whole = file.stat().st_size, any(map(file.match, READ_WHOLE))
        if is_read_whole and size > MAX_BYTES:
            raise MissingModelError(
                f"{file} has {size / 2**20:.0f} MiB, where no model has more than {MAX_BYTES >> 20}"
            )


def tensor_shapes(files: Iterable[Path]) -> list[list[int]]:
    """Shapes of all tensors of safetensors files, which are not read for that."""
    from safetensors import safe_open

    shapes = []
    for file in files:
        with safe_open(file, "numpy") as tensors:
            names = list(tensors.keys())
            shapes += [list(tensors.get_slice(name).get_shape()) for name in names]
    return shapes


def is_larger(model: Any, shapes: Shapes) -> bool:
    """Whether a model has far more numbers than weights of such shapes; it takes no memory yet.

    Args:
        model: a module of torch, made on the device ``meta``.
        shapes: of its weights.
    """
    numbers = sum(values.numel() for values in model.parameters())
    return bool(numbers > MOST_RESIZED * sum(map(math.prod, shapes)))


def model_digest(directory: Path) -> str:
    """First 12 hexadecimal digits of the SHA-256 of a directory's weights and tokenizer.

    Raises:
        MissingModelError: there are no safetensors; pickled weights are never loaded.
    """
    weights = sorted(directory.glob("*.safetensors"))
    if not weights:
        raise MissingModelError(
            f"{directory} has no .safetensors file; `vkflow models pull` fetches models that do"
        )
    tokenizer = sorted({file for pattern in TOKENIZER_FILES for file in directory.glob(pattern)})
    digest = hashlib.sha256()
    for file in weights + tokenizer:
        with file.open("rb") as stream:
            while block := stream.read(2**22):
                digest.update(block)
    return digest.hexdigest()[:DIGITS]
