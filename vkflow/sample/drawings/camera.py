"""A weak camera: drawings as sharp and clean as a plot would make the sample world too easy."""

import numpy as np
from PIL import Image, ImageFilter

from vkflow.sample.drawings.dice import Dice

NOISE = 12
"""Sensor noise is uniform from -NOISE to NOISE levels."""


def photograph(image: Image.Image, dice: Dice) -> Image.Image:
    """The picture as a weak camera sees it: sometimes blurred, sometimes noisy."""
    if dice.happens(0.3):
        image = image.filter(ImageFilter.GaussianBlur(dice.uniform(0.3, 1.2)))
    if dice.happens(0.5):
        pixels = np.asarray(image, np.int16)
        generator = np.random.default_rng(dice.getrandbits(32))
        noise = generator.integers(-NOISE, NOISE, pixels.shape, np.int8, endpoint=True)
        image = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    return image
