import base64
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vkflow.images.decoding import decode_base64, decode_picture, picture_hash
from vkflow.sample.drawings import draw, draw_jpeg

QUARTER_TURN = Image.Exif()
QUARTER_TURN[0x0112] = 6  # turn clockwise to see it upright


def two_colours(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (size[0] // 2, 0, *size))
    return image.convert(mode)


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header announces a huge picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_every_allowed_format_becomes_rgb(encode, file_format):
    content = encode(two_colours(), file_format)

    picture = decode_picture(content)

    assert (picture.status, picture.error) == ("ok", None)
    assert (picture.width, picture.height, picture.n_bytes) == (40, 20, len(content))
    assert picture.image.mode == "RGB"
    np.testing.assert_allclose(picture.image.getpixel((5, 10)), (255, 0, 0), atol=12)
    np.testing.assert_allclose(picture.image.getpixel((35, 10)), (0, 0, 255), atol=12)


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", "empty", "no bytes"),
        (b"<!DOCTYPE html><title>404</title>", "not_an_image", "web page"),
        (b"\xef\xbb\xbf\n <html>", "not_an_image", "web page"),
        (b"hello, this is no picture", "not_an_image", "not a picture"),
        (b"%PDF-1.7 and more", "unsupported", "PDF"),
        (b"\x00\x00\x00\x18ftypheic", "unsupported", "HEIC"),
        (b"\xff\xd8\xff\xe0", "truncated", "header"),
    ],
)
def test_what_is_no_picture_is_named(content, status, words):
    picture = decode_picture(content)

    assert (picture.status, picture.image, picture.width) == (status, None, None)
    assert words in picture.error


def test_a_tiff_is_unsupported(encode):
    assert decode_picture(encode(two_colours(), "TIFF")).status == "unsupported"


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "BMP"])
def test_half_a_file_is_truncated(encode, file_format):
    content = encode(draw("cat", 1), file_format)

    picture = decode_picture(content[: len(content) // 2])

    assert (picture.status, picture.image) == ("truncated", None)
    assert (picture.width, picture.height) == (256, 256)


def test_too_many_bytes_are_refused():
    picture = decode_picture(draw_jpeg("cat", 1), max_bytes=1000)

    assert picture.status == "too_large"
    assert "the limit is 1,000" in picture.error


def test_too_many_pixels_are_refused_before_decoding():
    content = png_that_claims(8000, 8000)

    picture = decode_picture(content)

    assert (picture.status, picture.width, picture.height) == ("too_large", 8000, 8000)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 20_000, 2**31 - 1])
def test_decompression_bombs_are_refused(side):
    assert decode_picture(png_that_claims(side, side)).status == "too_large"


@pytest.mark.parametrize("size", [(1, 65_536), (65_536, 1), (1, 49_000_000)])
def test_endless_line_of_pixels_is_refused_before_decoding(size):
    assert decode_picture(png_that_claims(*size)).status == "too_large"


def test_transparency_is_laid_on_white(encode):
    picture = decode_picture(encode(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG"))

    assert picture.image.getpixel((4, 4)) == (255, 255, 255)


def test_a_transparent_palette_colour_is_white(encode):
    content = encode(two_colours("P"), "PNG", transparency=two_colours("P").getpixel((0, 0)))

    picture = decode_picture(content)

    assert picture.image.getpixel((5, 10)) == (255, 255, 255)
    assert picture.image.getpixel((35, 10)) == (0, 0, 255)


def test_sixteen_bit_levels_are_scaled_not_clipped(encode):
    grey = Image.fromarray(np.full((8, 8), 128 * 257, np.uint16))

    picture = decode_picture(encode(grey, "PNG"))

    assert picture.image.getpixel((4, 4)) == (128, 128, 128)


def test_cmyk_jpegs_are_converted(encode):
    picture = decode_picture(encode(two_colours("CMYK"), "JPEG"))

    assert not picture.is_plain_jpeg
    np.testing.assert_allclose(picture.image.getpixel((5, 10)), (255, 0, 0), atol=15)


def test_exif_rotation_is_applied(encode):
    picture = decode_picture(encode(two_colours(), "JPEG", exif=QUARTER_TURN))

    assert (picture.width, picture.height) == picture.image.size == (20, 40)
    assert not picture.is_plain_jpeg
    np.testing.assert_allclose(picture.image.getpixel((10, 5)), (255, 0, 0), atol=12)


def test_broken_exif_does_not_cost_the_picture(encode):
    content = encode(two_colours(), "JPEG", exif=b"Exif\0\0garbage that is no TIFF header")

    assert decode_picture(content).status == "ok"


def test_the_first_frame_of_an_animation_is_taken(encode):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    content = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])

    assert decode_picture(content).image.getpixel((4, 4)) == (255, 0, 0)


@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
def test_shrinking_keeps_the_proportions_and_the_picture(encode, file_format):
    content = encode(two_colours(size=(1280, 960)), file_format)

    picture = decode_picture(content, longest_side=512)

    assert (picture.width, picture.height, picture.image.size) == (1280, 960, (512, 384))
    np.testing.assert_allclose(picture.image.getpixel((50, 200)), (255, 0, 0), atol=12)


@pytest.mark.parametrize("size", [(4000, 1), (1, 4000)])
def test_a_line_of_pixels_is_a_picture(encode, size):
    picture = decode_picture(encode(Image.new("RGB", size), "JPEG"), longest_side=512)

    assert (picture.status, max(picture.image.size), min(picture.image.size)) == ("ok", 512, 1)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(content):
    decode_picture(content)


@settings(deadline=None)
@given(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP"]), st.data())
def test_no_damage_makes_it_raise(encode, file_format, data):
    content = bytearray(encode(two_colours(), file_format))
    for _ in range(data.draw(st.integers(1, 10))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    picture = decode_picture(bytes(content), longest_side=16)

    assert (picture.image is None) == (picture.status != "ok") == (picture.error is not None)


def test_the_hash_is_that_of_the_original_bytes():
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert picture_hash(b"abc") == expected


@pytest.mark.parametrize(
    "text",
    [
        "/+8BAg==",
        "/+8BAg",
        "_-8BAg==",
        " /+8B\r\nAg==\n",
        "data:image/jpeg;base64,/+8BAg==",
        "DATA:image/png;BASE64, /+8BAg==",
    ],
)
def test_base64_is_read_in_every_common_spelling(text):
    assert decode_base64(text).content == b"\xff\xef\x01\x02"
    assert decode_base64(text).error is None


def test_an_empty_text_is_no_bytes_and_no_error():
    decoded = decode_base64("  \n")
    assert (decoded.content, decoded.error) == (b"", None)


@pytest.mark.parametrize("text", ["фото", "a", "ab$d", "data:image/jpeg,plain", "data:nothing"])
def test_broken_base64_is_reported(text):
    decoded = decode_base64(text)

    assert decoded.content == b""
    assert decoded.error.endswith(".")


@given(st.binary(max_size=200))
def test_base64_survives_the_round_trip(content):
    assert decode_base64(base64.b64encode(content).decode()).content == content
