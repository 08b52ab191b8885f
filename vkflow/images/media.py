"""The media store: every picture once, by content hash, at most 512 pixels on the longer side."""

import io
import re
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from vkflow.images.budgets import ByteBudget
from vkflow.images.decoding import DecodedPicture, Status, decode_picture, picture_hash
from vkflow.images.jpeg import cut_to_picture

LONGEST_SIDE = 512
"""In pixels: enough for every CLIP image tower (224 to 384), a tenth of the space."""

JPEG_QUALITY = 90


@dataclass(frozen=True)
class StoredPicture:
    """A row of the table `images`, and where the picture is.

    Attributes:
        image_hash: SHA-256 of the original bytes, 64 hexadecimal digits.
        path: The stored JPEG; None unless the status is "ok".
        width: Width of the original as displayed, in pixels; None when it is unknown.
        height: Height of the original as displayed, in pixels; None when it is unknown.
        n_bytes: Size of the original file.
        status: See `vkflow.images.decoding.DecodedPicture`.
        error: What is wrong, as a sentence; None when the status is "ok".
    """

    image_hash: str
    path: Path | None
    width: int | None
    height: int | None
    n_bytes: int
    status: Status
    error: str | None


def media_path(media_directory: Path, image_hash: str) -> Path:
    """Where a picture lies: `ab/abcdef….jpg` below the media directory.

    Raises:
        ValueError: The hash is not 64 lower-case hexadecimal digits (it could leave the folder).
    """
    if not re.fullmatch(r"[0-9a-f]{64}", image_hash):
        raise ValueError(f"{image_hash!r} is not an image hash (64 hexadecimal digits)")
    return media_directory / image_hash[:2] / f"{image_hash}.jpg"


def store_picture(
    media_directory: Path,
    content: bytes,
    *,
    is_damaged: bool = False,
    budget: ByteBudget | None = None,
) -> StoredPicture:
    """Check a picture and put it into the media store; storing it again changes nothing.

    Small RGB JPEG files are kept as they are coded, without notes and what follows the picture;
    everything else becomes an RGB JPEG of at most 512 pixels. The file appears under its name only
    when it is complete.

    Args:
        media_directory: Made when missing.
        content: The picture as it came.
        is_damaged: Whether the stored file is known to be damaged, so that it is written anew.
        budget: Shared by all threads that decode; None: there are no others.

    Returns:
        What the picture is, or what is wrong with it: a bad picture is a value.

    Raises:
        OSError: The disk is full, read-only, or not there.
    """
    picture = decode_picture(content, longest_side=LONGEST_SIDE, budget=budget)
    image_hash, path = picture_hash(content), None
    if picture.image is not None:
        path = media_path(media_directory, image_hash)
        if is_damaged or not path.exists():
            _write_atomically(path, _file_to_keep(picture, picture.image, content))
    return StoredPicture(
        image_hash=image_hash,
        path=path,
        width=picture.width,
        height=picture.height,
        n_bytes=picture.n_bytes,
        status=picture.status,
        error=picture.error,
    )


def _file_to_keep(picture: DecodedPicture, image: Image.Image, content: bytes) -> bytes:
    if picture.is_plain_jpeg and image.size == (picture.width, picture.height):
        cut = cut_to_picture(content)
        if cut is not None:
            return cut
    file = io.BytesIO()
    image.info.clear()  # notes would be written along
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Always the same name: what a killed pull leaves half-written, the next one writes over.
    unfinished = path.with_name(f".{path.stem}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
