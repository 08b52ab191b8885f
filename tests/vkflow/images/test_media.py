import io
from pathlib import Path

import pytest
from PIL import Image

from vkflow.images.decoding import picture_hash
from vkflow.images.media import (
    StoredPicture,
    picture_file,
    picture_name,
    store_picture,
    stored_hash,
)
from vkflow.sample.drawings import draw, draw_jpeg
from vkflow.storage import Storage


@pytest.fixture
def media(tmp_path) -> Storage:
    return Storage(str(tmp_path / "media"), "images.media")


def kept(media: Storage, stored: StoredPicture) -> bytes:
    return picture_file(media, stored.image_hash).read_bytes()


def test_a_small_jpeg_is_kept_byte_for_byte(media):
    content = draw_jpeg("cat", 1)

    stored = store_picture(media, content)

    assert stored.image_hash == picture_hash(content)
    assert kept(media, stored) == content
    assert (stored.width, stored.height, stored.n_bytes) == (256, 256, len(content))
    assert (stored.status, stored.error) == ("ok", None)


def test_anything_else_becomes_a_jpeg_of_at_most_512_pixels(media, encode):
    content = encode(draw("city", 1).resize((1200, 300)).convert("RGBA"), "PNG")

    stored = store_picture(media, content)

    assert (stored.width, stored.height) == (1200, 300)
    with Image.open(io.BytesIO(kept(media, stored))) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (512, 128))


def test_a_big_jpeg_is_shrunk(media, encode):
    stored = store_picture(media, encode(draw("city", 1).resize((1280, 960)), "JPEG"))

    assert Image.open(io.BytesIO(kept(media, stored))).size == (512, 384)


def test_a_rotated_jpeg_is_stored_upright(media, encode):
    exif = Image.Exif()
    exif[0x0112] = 8
    content = encode(draw("city", 1).resize((100, 50)), "JPEG", exif=exif)

    stored = store_picture(media, content)

    with Image.open(io.BytesIO(kept(media, stored))) as picture:
        assert picture.size == (50, 100)
        assert 0x0112 not in picture.getexif()


def test_storing_again_changes_nothing_but_mends_a_damaged_file(media):
    first = store_picture(media, draw_jpeg("cat", 1))
    (name,) = media.names()
    media.write(name, b"damaged")

    assert store_picture(media, draw_jpeg("cat", 1)) == first
    assert media.names() == [name]
    assert kept(media, first) == draw_jpeg("cat", 1)


def test_a_bad_picture_is_a_value_and_leaves_no_file(media):
    stored = store_picture(media, b"<html>gone</html>")

    assert stored.status == "not_an_image"
    assert stored.image_hash == picture_hash(b"<html>gone</html>")
    assert media.names() == []


def test_disk_errors_are_raised_and_leave_nothing_unfinished(media, monkeypatch):
    def full_disk(self, content):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)

    with pytest.raises(OSError, match="No space left"):
        store_picture(media, draw_jpeg("cat", 1))
    assert media.names() == []


def test_a_media_directory_that_is_a_file_is_an_error(tmp_path, media):
    (tmp_path / "media").write_text("in the way")

    with pytest.raises(OSError):
        store_picture(media, draw_jpeg("cat", 1))


def test_the_name_starts_with_the_first_two_digits_and_says_whose_it_is():
    image_hash = "ab" + 62 * "0"
    assert picture_name(image_hash) == f"ab/{image_hash}.jpg"
    assert stored_hash(picture_name(image_hash)) == image_hash
    for other in (f"ac/{image_hash}.jpg", f"ab/.{image_hash}.jpg.12", "readme.txt", image_hash):
        assert stored_hash(other) is None


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "AB" + 62 * "0", 64 * "g", 64 * "0" + "\n"]
)
def test_only_a_hash_makes_a_name(name):
    with pytest.raises(ValueError, match="not an image hash"):
        picture_name(name)
