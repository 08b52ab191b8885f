"""Words in Russian and English, and the DejaVu fonts (they have Cyrillic) to write them with."""

from functools import cache
from pathlib import Path
from typing import Literal

from PIL import ImageFont

from vkflow.sample.drawings.canvas import Canvas, Point
from vkflow.sample.drawings.dice import Colour, Dice

Face = Literal["sans", "bold", "serif", "serif bold", "italic", "mono"]

FONT_FILES: dict[Face, str] = {
    "sans": "DejaVuSans.ttf",
    "bold": "DejaVuSans-Bold.ttf",
    "serif": "DejaVuSerif.ttf",
    "serif bold": "DejaVuSerif-Bold.ttf",
    "italic": "DejaVuSerif-Italic.ttf",
    "mono": "DejaVuSansMono.ttf",
}

RUSSIAN_TEXT = (
    "когда просто друзья сегодня новости город время жизнь человек утром вечером опять снова "
    "россия москва кот работа деньги погода дома лучший день любовь мечта игра команда победа "
    "матч скидка купить акция рецепт вкусно привет спасибо завтра встреча фото группа "
    "подписывайся пятница понедельник студент экзамен зима лето солнце музыка концерт"
)
ENGLISH_TEXT = (
    "when you the just friends today news city time life man morning again best day love dream "
    "game team win sale buy recipe tasty hello thanks tomorrow meeting photo group friday monday "
    "student exam winter summer sun music"
)
RUSSIAN_WORDS = RUSSIAN_TEXT.split()
ENGLISH_WORDS = ENGLISH_TEXT.split()


@cache
def font(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """A DejaVu font of `size` pixels, from the files that matplotlib carries."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(folder / FONT_FILES[face], size)


def words(dice: Dice, count: int) -> str:
    """A senseless line of `count` words, all Russian (7 times out of 10) or all English."""
    vocabulary = RUSSIAN_WORDS if dice.happens(0.7) else ENGLISH_WORDS
    return " ".join(dice.choice(vocabulary) for _ in range(count))


def title(canvas: Canvas, at: Point, text: str, face: ImageFont.FreeTypeFont, ink: Colour) -> None:
    """Write one line centred on a point."""
    canvas.pen.text(at, text, ink, face, anchor="mm")


def wrap(text: str, face: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Break a text into lines no wider than `width` pixels, unless a single word is wider."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and face.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def paragraph(
    canvas: Canvas,
    at: Point,
    text: str,
    face: ImageFont.FreeTypeFont,
    ink: Colour,
    width: float,
    *,
    spacing: float = 1.2,
    centred: bool = False,
    stroke: int = 0,
) -> float:
    """Write a wrapped text below a point; returns where the next line would begin.

    Args:
        canvas: What to write on.
        at: Upper left corner, in pixels.
        text: The words.
        face: The font.
        ink: Colour of the letters.
        width: Longest line, in pixels.
        spacing: Distance between lines in font sizes.
        centred: Whether lines are centred instead of flush left.
        stroke: Width of a black outline around the letters, in pixels.
    """
    left, y = at
    for line in wrap(text, face, width):
        x = left + (width - face.getlength(line)) / 2 if centred else left
        canvas.pen.text((x, y), line, ink, face, stroke_width=stroke, stroke_fill=(0, 0, 0))
        y += int(face.size * spacing)
    return y
