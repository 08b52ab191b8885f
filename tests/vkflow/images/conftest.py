"""Pictures and the tagger that several test modules use."""

import io

import pytest
import torch
from PIL import Image

from vkflow.images.tagger import PictureTagger, load_tagger


def encoded(image: Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def encode():
    """Turns an image into the bytes of a file: `encode(image, "PNG", **options)`."""
    return encoded


@pytest.fixture(scope="session")
def tagger() -> PictureTagger:
    # Threads that wait for each other on busy cores make such a tiny model slower, not faster.
    torch.set_num_threads(1)
    return load_tagger("sample")
