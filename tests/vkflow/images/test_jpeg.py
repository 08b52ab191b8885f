"""Only the picture of a JPEG is kept."""

import io

import numpy as np
import pytest
from PIL import Image

from vkflow.images.jpeg import cut_to_picture
from vkflow.images.media import picture_file, store_picture
from vkflow.storage import Storage


def jpeg(**options: object) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (64, 48, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def with_notes(**options: object) -> bytes:
    exif = Image.Exif()
    exif[0x8298] = "55.7558 N 37.6173 E"
    return jpeg(exif=exif, comment=b"secret comment", **options)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}])
def test_notes_and_what_follows_are_cut_and_the_pixels_stay(options: dict) -> None:
    content = with_notes(**options) + b"PK\x03\x04 hidden archive \xff\xd9"
    cut = cut_to_picture(content)
    assert cut == jpeg(**options)
    assert b"37.6173" not in cut and b"secret" not in cut and b"hidden" not in cut
    with Image.open(io.BytesIO(cut)) as left, Image.open(io.BytesIO(content)) as right:
        assert left.tobytes() == right.tobytes()


def test_jpeg_without_notes_stays_byte_for_byte() -> None:
    assert cut_to_picture(jpeg()) == jpeg()


@pytest.mark.parametrize("length", [0, 1, 2, 3, 20, 200])
def test_broken_parts_are_no_picture(length: int) -> None:
    assert cut_to_picture(jpeg()[:length]) is None


def test_stored_pictures_have_no_notes(tmp_path) -> None:
    media = Storage(str(tmp_path), "images.media")
    for content in (with_notes(), with_notes() + b"trailing", as_png(), large()):
        stored = picture_file(media, store_picture(media, content).image_hash).read_bytes()
        assert all(word not in stored for word in (b"37.6173", b"secret", b"trailing"))


def as_png() -> bytes:
    exif = Image.Exif()
    exif[0x8298] = "55.7558 N 37.6173 E"
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, "PNG", exif=exif)
    return file.getvalue()


def large() -> bytes:
    exif = Image.Exif()
    exif[0x8298] = "55.7558 N 37.6173 E"
    file = io.BytesIO()
    Image.new("RGB", (900, 900)).save(file, "JPEG", exif=exif, comment=b"secret")
    return file.getvalue()
