"""Safe decoding of bytes that somebody else sent: the answer is a value, never an exception."""

import base64
import hashlib
import io
from contextlib import nullcontext
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from vkflow.images.budgets import ByteBudget

Status = Literal["ok", "empty", "too_large", "not_an_image", "unsupported", "truncated"]

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP")
"""Only these parsers see the bytes; Pillow's others (EPS, TIFF, ...) are attack surface."""

MAX_BYTES = 10_000_000
MAX_PIXELS = 50_000_000
MAX_SIDE = 65_535
"""What a JPEG can have. A picture of one pixel a row would take several times as much memory."""

BYTES_A_PIXEL = 12
"""While it is decoded, laid on white and shrunk: four bytes for each, in three copies."""

ROWS_AT_ONCE = 256

# Pillow takes memory in blocks. Of smaller ones the C library keeps what was freed, for each thread
# that decoded.
Image.core.set_block_size(2**26)  # type: ignore[attr-defined]

OTHER_FILES: dict[bytes, str] = {
    b"II*\x00": "a TIFF file",
    b"MM\x00*": "a TIFF file",
    b"8BPS": "a Photoshop file",
    b"%PDF": "a PDF file",
    b"%!PS": "a PostScript file",
    b"<svg": "an SVG drawing",
    b"\x00\x00\x01\x00": "an icon",
}
ROTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of each EXIF orientation upright."""

BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"BM")


@dataclass(frozen=True)
class DecodedPicture:
    """What became of some bytes.

    Attributes:
        image: RGB, upright, on white where it was transparent; None unless the status is "ok".
        width: Width of the original as displayed, in pixels; None when it is unknown.
        height: Height of the original as displayed, in pixels; None when it is unknown.
        n_bytes: Size of the original file.
        status: "ok"; "empty": no bytes; "too_large": too many bytes or pixels; "not_an_image";
            "unsupported": a picture, but of a format outside `FORMATS`; "truncated": the file is
            damaged or cut short.
        error: What is wrong, as a sentence; None when the status is "ok".
        is_plain_jpeg: Whether the file itself is a JPEG in RGB that needs no rotation.
    """

    image: Image.Image | None
    width: int | None
    height: int | None
    n_bytes: int
    status: Status
    error: str | None
    is_plain_jpeg: bool = False


@dataclass(frozen=True)
class DecodedBase64:
    """What became of a base64 text: its bytes (none when there were none), or an error."""

    content: bytes
    error: str | None = None


def picture_hash(content: bytes) -> str:
    """The name of a picture: SHA-256 of its original bytes, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def decode_base64(text: str) -> DecodedBase64:
    """Decode base64, with or without padding, line breaks or a `data:image/...;base64,` prefix.

    The URL-safe alphabet is understood too. Anything else is reported in `error`, not raised.
    """
    payload = text.strip()
    if payload[:5].lower() == "data:":
        header, comma, payload = payload.partition(",")
        if not comma or not header.lower().endswith(";base64"):
            return DecodedBase64(b"", "The data URL is not in base64.")
    payload = "".join(payload.split()).rstrip("=").replace("-", "+").replace("_", "/")
    try:
        padding = "=" * (-len(payload) % 4)
        return DecodedBase64(base64.b64decode(payload + padding, validate=True))
    except ValueError as error:
        return DecodedBase64(b"", f"The text is not base64: {error}.")


def decode_picture(
    content: bytes,
    max_bytes: int = MAX_BYTES,
    max_pixels: int = MAX_PIXELS,
    *,
    longest_side: int | None = None,
    min_side: int | None = None,
    budget: ByteBudget | None = None,
) -> DecodedPicture:
    """Decode the first frame of a JPEG, PNG, GIF, WebP or BMP file.

    Args:
        content: The file, from anywhere.
        max_bytes: Larger files are refused unseen.
        max_pixels: Larger pictures are refused before a pixel is decoded.
        longest_side: Shrink larger pictures to this many pixels on the longer side. Cheaper than
            shrinking afterwards: a JPEG is then decoded at a fraction of its size.
        min_side: A JPEG may be decoded at a fraction of its size, as long as this many pixels
            are left on the shorter side: enough for a model that shrinks it further.
        budget: Of bytes, shared by threads that decode at the same time.

    Returns:
        The picture, or what is wrong with it.
    """
    if not content:
        return _refused(content, "empty", "There are no bytes.")
    if len(content) > max_bytes:
        sizes = f"{len(content):,} bytes, the limit is {max_bytes:,}"
        return _refused(content, "too_large", f"The file has {sizes}.")
    try:
        opened = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        return _refused(content, "too_large", f"The picture has too many pixels: {error}")
    except UnidentifiedImageError:
        return _unidentified(content)
    except Exception as error:  # parsers of hostile bytes raise whatever they stumble over
        return _refused(content, "truncated", f"The header is damaged: {error}.")
    with opened:
        return _decode_opened(opened, content, max_pixels, longest_side, min_side, budget)


def _decode_opened(
    opened: Image.Image,
    content: bytes,
    max_pixels: int,
    longest_side: int | None,
    min_side: int | None,
    budget: ByteBudget | None,
) -> DecodedPicture:
    size = opened.size
    if size[0] * size[1] > max_pixels or max(size) > MAX_SIDE:
        limits = f"the limit is {max_pixels:,}, and {MAX_SIDE:,} on a side"
        problem = f"The picture has {size[0]} x {size[1]} pixels, {limits}."
        return _refused(content, "too_large", problem, size)
    try:
        drafted = _drafted(opened, longest_side, min_side)
        with budget.taken(_bytes_to_decode(drafted)) if budget else nullcontext():
            orientation = _orientation(drafted)  # may decode a PNG, whose EXIF can come last
            image = _shrunk(_on_white(drafted), longest_side)
            drafted.close()  # its pixels go before others may come
        image = _upright(image, orientation)
    except MemoryError:
        raise
    except Exception as error:  # as above
        problem = f"The file is damaged or cut short: {error}."
        return _refused(content, "truncated", problem, size)
    width, height = size[::-1] if orientation >= 5 else size
    is_plain_jpeg = opened.format == "JPEG" and opened.mode == "RGB" and orientation == 1
    return DecodedPicture(image, width, height, len(content), "ok", None, is_plain_jpeg)


def _orientation(opened: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 (upright) when there is none or the EXIF block is broken."""
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # broken EXIF is common and says nothing about the pixels
        return 1
    return orientation if orientation in ROTATIONS else 1


def _drafted(opened: Image.Image, longest_side: int | None, min_side: int | None) -> Image.Image:
    """Tell the JPEG decoder to skip detail that shrinking would drop; no effect on other files."""
    if longest_side is not None and (share := longest_side / max(opened.size)) < 1:
        opened.draft(None, (ceil(opened.width * share), ceil(opened.height * share)))
    elif min_side is not None:
        opened.draft(None, (min_side, min_side))
    return opened


def _bytes_to_decode(image: Image.Image) -> int:
    return image.width * image.height * BYTES_A_PIXEL


def _shrunk(image: Image.Image, longest_side: int | None) -> Image.Image:
    if longest_side is not None:
        image.thumbnail((longest_side, longest_side))
    return image


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(ROTATIONS[orientation]) if orientation in ROTATIONS else image


def _on_white(image: Image.Image) -> Image.Image:
    """The picture as RGB: alpha laid on white, 16-bit levels scaled down instead of clipped."""
    if image.mode.startswith("I"):
        image = Image.fromarray(_in_eight_bits(image))
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image if image.mode == "RGBA" else image.convert("RGBA")
    white = Image.new("RGB", layer.size, (255, 255, 255))
    white.paste(layer, mask=layer)
    return white


def _in_eight_bits(image: Image.Image) -> npt.NDArray[np.uint8]:
    """16-bit levels, some rows at a time: wider ones in between would take eight times as much."""
    small = np.empty((image.height, image.width), np.uint8)
    for start in range(0, image.height, ROWS_AT_ONCE):
        stop = min(start + ROWS_AT_ONCE, image.height)
        levels = np.asarray(image.crop((0, start, image.width, stop)))
        small[start:stop] = np.clip(levels // 257, 0, 255)
    return small


def _unidentified(content: bytes) -> DecodedPicture:
    """Say what bytes are that none of the allowed formats recognises."""
    for beginning, kind in OTHER_FILES.items():
        if content.startswith(beginning):
            formats = ", ".join(FORMATS)
            return _refused(content, "unsupported", f"This is {kind}; vkflow reads {formats}.")
    if content[4:8] == b"ftyp":
        return _refused(content, "unsupported", "This is a HEIC, AVIF or video file.")
    if content.startswith(BEGINNINGS):
        return _refused(content, "truncated", "The file breaks off within its header.")
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _refused(content, "not_an_image", "This is a web page or XML, not a picture.")
    return _refused(content, "not_an_image", "The bytes are not a picture.")


def _refused(
    content: bytes, status: Status, error: str, size: tuple[int | None, int | None] = (None, None)
) -> DecodedPicture:
    return DecodedPicture(None, *size, len(content), status, error)
