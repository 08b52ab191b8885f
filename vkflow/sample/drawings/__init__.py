"""Drawn pictures in 26 categories, the same for the same category and seed on every run."""

import io
from collections.abc import Callable

from PIL import Image

from vkflow.sample.drawings.animals import cat, dog
from vkflow.sample.drawings.camera import photograph
from vkflow.sample.drawings.canvas import SIZE, Canvas
from vkflow.sample.drawings.captions import advertisement, meme, news
from vkflow.sample.drawings.dice import Dice
from vkflow.sample.drawings.festive import art, holiday
from vkflow.sample.drawings.food import food
from vkflow.sample.drawings.nature import beach, flowers, landscape, space
from vkflow.sample.drawings.paper import chart, document, quote, table
from vkflow.sample.drawings.people import concert, people, portrait
from vkflow.sample.drawings.screens import chat, code, game
from vkflow.sample.drawings.sport import sport
from vkflow.sample.drawings.urban import car, city, street_map

__all__ = ["CATEGORIES", "SIZE", "draw", "draw_jpeg"]

JPEG_QUALITY = 60

DRAWINGS: dict[str, Callable[[Dice], Canvas]] = {
    "meme": meme,
    "news": news,
    "quote": quote,
    "chart": chart,
    "table": table,
    "landscape": landscape,
    "beach": beach,
    "city": city,
    "car": car,
    "cat": cat,
    "dog": dog,
    "portrait": portrait,
    "people": people,
    "food": food,
    "sport": sport,
    "ad": advertisement,
    "map": street_map,
    "chat": chat,
    "holiday": holiday,
    "flowers": flowers,
    "space": space,
    "code": code,
    "game": game,
    "document": document,
    "art": art,
    "concert": concert,
}

CATEGORIES: tuple[str, ...] = tuple(DRAWINGS)
"""Everything `draw` can draw; the taxonomy `sample` has the same names."""


def draw(category: str, seed: int) -> Image.Image:
    """Draw a picture.

    Args:
        category: One of `CATEGORIES`.
        seed: Any whole number; the same category and seed give the same pixels in any process.

    Returns:
        A new RGB image of 256 x 256 pixels.

    Raises:
        KeyError: There is no such category.
    """
    dice = Dice(f"{category}:{seed}")
    return photograph(DRAWINGS[category](dice).image, dice)


def draw_jpeg(category: str, seed: int) -> bytes:
    """The same picture as a JPEG file of about 8 kB. Raises what `draw` raises."""
    file = io.BytesIO()
    draw(category, seed).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()
