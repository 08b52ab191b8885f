"""Models on disk: nothing but files of bounded size, and an identity for what they make."""

import hashlib
from pathlib import Path

from vkflow.errors import MissingModelError

DIGITS = 12
TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.*", "merges.txt")
"""What else decides how a text is read: another tokenizer makes other vectors."""


READ_WHOLE = ("*.json", "*.txt", "*.model", "*.jinja")
MAX_BYTES = 2**28


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
