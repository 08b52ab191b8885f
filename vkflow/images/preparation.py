"""Decoding and preprocessing pictures in threads, some batches ahead of the model."""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from errno import EIO, EISDIR
from typing import TYPE_CHECKING

from PIL import Image

from vkflow.images.decoding import decode_picture
from vkflow.storage import ReadableFile

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

Picture = ReadableFile | Image.Image
Preprocess = Callable[[Image.Image], "torch.Tensor"]

BATCHES_AHEAD = 2
THREADS = min(8, os.cpu_count() or 1)
"""Pillow releases the interpreter lock while it decodes and resizes: threads are enough."""

OF_ONE_FILE = (EIO, EISDIR)
"""What is wrong with a file alone. Of a disk that is not mounted all would count as lost."""


def prepared_batches(
    pictures: Sequence[Picture], preprocess: Preprocess, batch_size: int, min_side: int
) -> Iterator[list["torch.Tensor | None"]]:
    """Preprocess pictures batch by batch, in order, while the consumer works on earlier ones.

    Args:
        pictures: files, or decoded images.
        preprocess: the model's own.
        batch_size: pictures in a batch.
        min_side: pixels the model looks at; large files are decoded at a fraction of their size.

    Yields:
        Lists of at most `batch_size` float32 tensors (3, height, width); None stands for a
        picture that is gone or damaged (the reason is logged).

    Raises:
        OSError: the disk fails, and not one file of it.
        StorageError: the media store is elsewhere, and does not answer.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="pictures") as pool:
        ahead: deque[list[Future[torch.Tensor | None]]] = deque()
        for start in range(0, len(pictures), batch_size):
            batch = pictures[start : start + batch_size]
            ahead.append([pool.submit(prepare, picture, preprocess, min_side) for picture in batch])
            if len(ahead) > BATCHES_AHEAD:
                yield [future.result() for future in ahead.popleft()]
        for futures in ahead:
            yield [future.result() for future in futures]


def prepare(picture: Picture, preprocess: Preprocess, min_side: int) -> "torch.Tensor | None":
    """What a model reads of a picture, float32, shape (3, height, width); None if it cannot."""
    image = picture if isinstance(picture, Image.Image) else _read(picture, min_side)
    return None if image is None else preprocess(image)


def _read(file: ReadableFile, min_side: int) -> Image.Image | None:
    try:
        decoded = decode_picture(file.read_bytes(), min_side=min_side)
    except FileNotFoundError:
        logger.info("Picture %s is gone", file)
        return None
    except OSError as error:
        if error.errno not in OF_ONE_FILE:
            raise
        logger.warning("Picture %s cannot be read: %s", file, error)
        return None
    if decoded.error:
        logger.warning("Picture %s is left out: %s", file, decoded.error)
    return decoded.image
