import io
from pathlib import Path

import pytest
from PIL import Image

from vkflow.images.decoding import picture_hash
from vkflow.images.media import media_path, store_picture
from vkflow.sample.drawings import draw, draw_jpeg


def files_below(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_a_small_jpeg_is_kept_byte_for_byte(tmp_path):
    content = draw_jpeg("cat", 1)

    stored = store_picture(tmp_path / "media", content)

    assert stored.path == media_path(tmp_path / "media", picture_hash(content))
    assert stored.path.read_bytes() == content
    assert (stored.width, stored.height, stored.n_bytes) == (256, 256, len(content))
    assert (stored.status, stored.error) == ("ok", None)


def test_anything_else_becomes_a_jpeg_of_at_most_512_pixels(tmp_path, encode):
    content = encode(draw("city", 1).resize((1200, 300)).convert("RGBA"), "PNG")

    stored = store_picture(tmp_path, content)

    assert (stored.width, stored.height) == (1200, 300)
    with Image.open(stored.path) as kept:
        assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (512, 128))


def test_a_big_jpeg_is_shrunk(tmp_path, encode):
    stored = store_picture(tmp_path, encode(draw("city", 1).resize((1280, 960)), "JPEG"))

    assert Image.open(io.BytesIO(stored.path.read_bytes())).size == (512, 384)


def test_a_rotated_jpeg_is_stored_upright(tmp_path, encode):
    exif = Image.Exif()
    exif[0x0112] = 8
    content = encode(draw("city", 1).resize((100, 50)), "JPEG", exif=exif)

    stored = store_picture(tmp_path, content)

    with Image.open(stored.path) as kept:
        assert kept.size == (50, 100)
        assert 0x0112 not in kept.getexif()


def test_storing_again_changes_nothing(tmp_path):
    first = store_picture(tmp_path, draw_jpeg("cat", 1))
    before = first.path.stat().st_mtime_ns

    assert store_picture(tmp_path, draw_jpeg("cat", 1)) == first
    assert files_below(tmp_path) == [first.path]
    assert first.path.stat().st_mtime_ns == before


def test_a_bad_picture_is_a_value_and_leaves_no_file(tmp_path):
    stored = store_picture(tmp_path, b"<html>gone</html>")

    assert (stored.status, stored.path) == ("not_an_image", None)
    assert stored.image_hash == picture_hash(b"<html>gone</html>")
    assert files_below(tmp_path) == []


def test_disk_errors_are_raised_and_leave_nothing_unfinished(tmp_path, monkeypatch):
    def full_disk(self, content):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)

    with pytest.raises(OSError, match="No space left"):
        store_picture(tmp_path, draw_jpeg("cat", 1))
    assert files_below(tmp_path) == []


def test_a_media_directory_that_is_a_file_is_an_error(tmp_path):
    (tmp_path / "media").write_text("in the way")

    with pytest.raises(OSError):
        store_picture(tmp_path / "media", draw_jpeg("cat", 1))


def test_the_path_starts_with_the_first_two_digits():
    image_hash = "ab" + 62 * "0"
    assert media_path(Path("media"), image_hash) == Path(f"media/ab/{image_hash}.jpg")


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "AB" + 62 * "0", 64 * "g", 64 * "0" + "\n"]
)
def test_only_a_hash_makes_a_path(name):
    with pytest.raises(ValueError, match="not an image hash"):
        media_path(Path("media"), name)
