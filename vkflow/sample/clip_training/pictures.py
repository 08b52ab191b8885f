"""Training pictures: drawings after the mishaps of a social network (JPEG, crops, letterboxes)."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from vkflow.sample.clip_training.trained import Progress
from vkflow.sample.drawings import CATEGORIES, draw
from vkflow.sample.drawings.dice import Dice

PIXELS = 96
"""Width and height the image tower sees; open_clip's "squash" resize does the same."""


def training_pictures(per_category: int, report: Progress) -> npt.NDArray[np.uint8]:
    """Draw `per_category` pictures of every category, with the seeds 0, 1, 2, ...

    Returns:
        Array of shape (n_categories, per_category, 96, 96, 3), RGB levels from 0 to 255.
    """
    shape = (len(CATEGORIES), per_category, PIXELS, PIXELS, 3)
    pictures = np.empty(shape, np.uint8)
    for row, category in enumerate(CATEGORIES):
        for seed in range(per_category):
            dice = Dice(f"mishaps:{category}:{seed}")
            picture = mishaps(draw(category, seed), dice)
            small = picture.resize((PIXELS, PIXELS), Image.Resampling.BICUBIC)
            pictures[row, seed] = np.asarray(small)
        report("drawing", (row + 1) * per_category, len(CATEGORIES) * per_category)
    return pictures


def mishaps(picture: Image.Image, dice: Dice) -> Image.Image:
    """The picture as it may come back from the network: recompressed, cropped, letterboxed."""
    picture = recompress(picture, quality=dice.randint(35, 92))
    if dice.happens(0.5):
        picture = crop(picture, dice)
    if dice.happens(0.4):
        picture = letterbox(picture, dice)
    return picture


def recompress(picture: Image.Image, quality: int) -> Image.Image:
    """The picture with JPEG artefacts of this quality (1 to 95)."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file)


def crop(picture: Image.Image, dice: Dice) -> Image.Image:
    """A part of the picture, at least 74 % of each side, of slightly different proportions."""
    share = dice.uniform(0.8, 1)
    width = int(picture.width * share)
    height = int(picture.height * min(1, share * dice.uniform(0.93, 1.07)))
    left = dice.randint(0, picture.width - width)
    top = dice.randint(0, picture.height - height)
    return picture.crop((left, top, left + width, top + height))


def letterbox(picture: Image.Image, dice: Dice) -> Image.Image:
    """The picture between two bars (black, white or coloured), across or upright."""
    colour = dice.choice([(0, 0, 0), (0, 0, 0), (255, 255, 255), dice.light(), dice.vivid()])
    share, across = dice.uniform(1.05, 1.9), dice.happens(0.6)
    width, height = picture.size
    size = (width, int(height * share)) if across else (int(width * share), height)
    framed = Image.new("RGB", size, colour)
    framed.paste(picture, ((size[0] - width) // 2, (size[1] - height) // 2))
    return framed
