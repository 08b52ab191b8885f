"""The media store: every picture once, by content hash, at most 512 pixels on the longer side."""

import io
import re
from dataclasses import dataclass

from PIL import Image

from vkflow.images.budgets import ByteBudget
from vkflow.images.decoding import DecodedPicture, Status, decode_picture, picture_hash
from vkflow.images.jpeg import cut_to_picture
from vkflow.storage import ReadableFile, Storage

LONGEST_SIDE = 512
"""In pixels: enough for every CLIP image tower (224 to 384), a tenth of the space."""

JPEG_QUALITY = 90


@dataclass(frozen=True)
class StoredPicture:
    """A row of the table `images`.

    Attributes:
        image_hash: SHA-256 of the original bytes, 64 hexadecimal digits.
        width: Width of the original as displayed, in pixels; None when it is unknown.
        height: Height of the original as displayed, in pixels; None when it is unknown.
        n_bytes: Size of the original file.
        status: See `vkflow.images.decoding.DecodedPicture`.
        error: What is wrong, as a sentence; None when the status is "ok".
    """

    image_hash: str
    width: int | None
    height: int | None
    n_bytes: int
    status: Status
    error: str | None


def picture_name(image_hash: str) -> str:
    """The name of a picture's file in the media store: `ab/abcdef….jpg`.

    Raises:
        ValueError: The hash is not 64 lower-case hexadecimal digits (it could leave the folder).
    """
    if not re.fullmatch(r"[0-9a-f]{64}", image_hash):
        raise ValueError(f"{image_hash!r} is not an image hash (64 hexadecimal digits)")
    return f"{image_hash[:2]}/{image_hash}.jpg"


def picture_file(media: Storage, image_hash: str) -> ReadableFile:
    """A picture of the media store, which may be gone; raises as :func:`picture_name`."""
    return media.file(picture_name(image_hash))


def stored_hash(name: str) -> str | None:
    """Whose file of the media store this is; None: no picture's."""
    found = re.fullmatch(r"([0-9a-f]{2})/(\1[0-9a-f]{62})\.jpg", name)
    return found[2] if found else None


def store_picture(
    media: Storage, content: bytes, *, budget: ByteBudget | None = None
) -> StoredPicture:
    """Check a picture and put it into the media store, in the place of what is there.

    Small RGB JPEG files are kept as they are coded, without notes and what follows the picture;
    everything else becomes an RGB JPEG of at most 512 pixels. The file appears under its name only
    when it is complete.

    Args:
        media: Made when missing.
        content: The picture as it came.
        budget: Shared by all threads that decode; None: there are no others.

    Returns:
        What the picture is, or what is wrong with it: a bad picture is a value.

    Raises:
        OSError: The disk is full, read-only, or not there.
        StorageError: The media store is elsewhere, and does not answer.
    """
    picture = decode_picture(content, longest_side=LONGEST_SIDE, budget=budget)
    image_hash = picture_hash(content)
    if picture.image is not None:
        media.write(picture_name(image_hash), _file_to_keep(picture, picture.image, content))
    return StoredPicture(
        image_hash=image_hash,
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
