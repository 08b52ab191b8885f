"""Identity of weights on disk, so that a vector always names what made it."""

import hashlib
from pathlib import Path

from vkflow.errors import MissingModelError

DIGITS = 12


def weights_digest(directory: Path) -> str:
    """First 12 hexadecimal digits of the SHA-256 of the safetensors files of a directory.

    Raises:
        MissingModelError: there is none; pickled weights are never loaded.
    """
    files = sorted(directory.glob("*.safetensors"))
    if not files:
        raise MissingModelError(
            f"{directory} has no .safetensors file; `vkflow models pull` fetches models that do"
        )
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            while block := stream.read(2**22):
                digest.update(block)
    return digest.hexdigest()[:DIGITS]
