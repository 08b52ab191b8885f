"""Identity of weights on disk, so that a vector always names what made it."""

import hashlib
import json
import re
from pathlib import Path

from vkflow.errors import MissingModelError

DIGITS = 12
READ_WHOLE = ("*.json", "*.txt", "*.model", "*.jinja")
MAX_BYTES = 2**28
WEIGHTS = re.compile(r"[^/\\]+\.safetensors")
TOKENIZER_FILES = ("tokenizer.json", "*.model", "vocab.*", "merges.txt")
"""What else decides how a text is read: another tokenizer makes other vectors."""


def check_files(directory: Path) -> None:
    """See that a directory has no pipe, no file that is larger than any, and no pickled weights.

    Raises:
        MissingModelError: a tokenizer, say, is of gigabytes, which all become memory; or an index
            of weights names other files than safetensors beside it.
    """
    for file in (found for pattern in READ_WHOLE for found in directory.glob(pattern)):
        if not file.is_file():
            raise MissingModelError(f"{file} is no file, but a folder, a pipe or the like")
        if (size := file.stat().st_size) > MAX_BYTES:
            raise MissingModelError(
                f"{file} has {size / 2**20:.0f} MiB, where no model has more than {MAX_BYTES >> 20}"
            )
    for index in directory.glob("*.index.json"):
        named = set(json.loads(index.read_bytes())["weight_map"].values())
        if odd := sorted(each for each in named if not WEIGHTS.fullmatch(each)):
            raise MissingModelError(
                f"{index} names {odd[0]!r}, which is no .safetensors file of its folder"
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
