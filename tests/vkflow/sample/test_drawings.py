import hashlib
import io
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from vkflow.sample.drawings import CATEGORIES, draw, draw_jpeg
from vkflow.sample.drawings.lettering import font, wrap


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_is_drawn_in_rgb_at_256_pixels(category):
    picture = draw(category, 7)

    assert (picture.mode, picture.size) == ("RGB", (256, 256))
    assert np.asarray(picture).std() > 5


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_same_seed_draws_the_same_picture_and_another_seed_another(category):
    assert draw_jpeg(category, 7) == draw_jpeg(category, 7)
    assert draw_jpeg(category, 7) != draw_jpeg(category, 8)


def test_another_process_draws_the_same_pictures():
    script = (
        "import hashlib; from vkflow.sample.drawings import CATEGORIES, draw; "
        "print(hashlib.sha256(b''.join(draw(c, 3).tobytes() for c in CATEGORIES)).hexdigest())"
    )
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": path}
    other = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True)

    here = hashlib.sha256(b"".join(draw(c, 3).tobytes() for c in CATEGORIES)).hexdigest()

    assert other.strip() == here


def test_every_picture_of_many_seeds_can_be_drawn():
    for category in CATEGORIES:
        for seed in range(100, 120):
            draw(category, seed)


def test_there_are_26_categories():
    assert len(CATEGORIES) == len(set(CATEGORIES)) == 26


def test_an_unknown_category_is_an_error():
    with pytest.raises(KeyError):
        draw("horoscope", 1)


def test_a_jpeg_is_a_small_file():
    content = draw_jpeg("cat", 1)

    assert len(content) < 30_000
    assert Image.open(io.BytesIO(content)).format == "JPEG"


def test_the_fonts_have_cyrillic_letters():
    mask = font("sans", 40).getmask

    assert bytes(mask("Ж")) != bytes(mask("Ф"))


def test_lines_are_wrapped_at_words():
    face = font("sans", 12)

    lines = wrap("сегодня утром в городе", face, width=60)

    assert " ".join(lines) == "сегодня утром в городе"
    assert all(face.getlength(line) <= 60 or " " not in line for line in lines)
