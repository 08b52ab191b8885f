"""Identity of weights on disk, so that a vector always names what made it."""

import hashlib
from pathlib import Path

from vkflow.errors import MissingModelError

DIGITS = 12
TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.*", "merges.txt")
"""What else decides how a text is read: another tokenizer makes other vectors."""


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
