"""Pictures that live by their words: meme, news, advertisement."""

from collections.abc import Callable

from vkflow.sample.drawings.animals import cat, dog
from vkflow.sample.drawings.canvas import CENTRE, SIZE, Canvas
from vkflow.sample.drawings.dice import INK, PAPER, WHITE, Colour, Dice
from vkflow.sample.drawings.food import food
from vkflow.sample.drawings.lettering import font, paragraph, title, words, wrap
from vkflow.sample.drawings.nature import beach, landscape
from vkflow.sample.drawings.people import people, portrait
from vkflow.sample.drawings.urban import car, city

PHOTOGRAPHS: list[Callable[[Dice], Canvas]] = [
    landscape,
    beach,
    city,
    car,
    cat,
    dog,
    portrait,
    people,
    food,
]
"""What a meme or a news report may show below its words."""

NEWS_COLOURS: list[Colour] = [(190, 15, 25), (20, 50, 140), (150, 10, 30), (10, 80, 160)]
NEWS_BADGES = ["СРОЧНО", "НОВОСТИ", "BREAKING NEWS", "LIVE", "ГЛАВНОЕ"]
SALE_SLOGANS = ["РАСПРОДАЖА", "СКИДКИ", "АКЦИЯ", "SALE", "BLACK FRIDAY", "НОВИНКА"]


def meme(dice: Dice) -> Canvas:
    """A photograph with big white capitals at the top, the bottom, or both."""
    canvas = dice.choice(PHOTOGRAPHS)(dice)
    size, kind = dice.randint(22, 34), dice.random()
    if kind < 0.8:
        meme_text(canvas, dice, size, at_the_bottom=False)
    if kind > 0.2:
        meme_text(canvas, dice, size, at_the_bottom=True)
    return canvas


def meme_text(canvas: Canvas, dice: Dice, size: int, at_the_bottom: bool) -> None:
    """Two to four words in outlined capitals."""
    text, face, width = words(dice, dice.randint(2, 4)).upper(), font("bold", size), SIZE - 12
    height = 1.12 * size * len(wrap(text, face, width))
    top = SIZE - 8 - height if at_the_bottom else dice.randint(2, 8)
    stroke = max(2, size // 10)
    paragraph(canvas, (6, top), text, face, WHITE, width, spacing=1.1, centred=True, stroke=stroke)


def news(dice: Dice) -> Canvas:
    """A photograph under a television banner: badge, headline, ticker, perhaps a logo."""
    canvas, colour = dice.choice(PHOTOGRAPHS)(dice), dice.choice(NEWS_COLOURS)
    top = dice.randint(160, 190)
    canvas.box(0, top, SIZE, SIZE, PAPER)
    canvas.box(0, top - 24, dice.randint(100, 170), top, colour)
    canvas.pen.text((8, top - 22), dice.choice(NEWS_BADGES), WHITE, font("bold", 15))
    headline = words(dice, dice.randint(5, 8)).capitalize()
    face = font("bold", dice.randint(17, 21))
    paragraph(canvas, (8, top + 6), headline, face, INK, SIZE - 16, spacing=1.15)
    canvas.box(0, SIZE - 20, SIZE, SIZE, colour)
    canvas.pen.text((6, SIZE - 18), words(dice, 8), WHITE, font("sans", 13))
    if dice.happens(0.6):
        canvas.box(SIZE - 54, 8, SIZE - 8, 30, colour)
        logo = dice.choice(["24", "ТВ", "RU1", "НТВ"])
        title(canvas, (SIZE - 31, 19), logo, font("bold", 14), WHITE)
    return canvas


def advertisement(dice: Dice) -> Canvas:
    """A product, a star with a discount, a slogan and mostly a price."""
    top = dice.vivid()
    canvas = Canvas.gradient(top, top if dice.happens(0.6) else dice.vivid())
    x, y = dice.randint(70, 180), dice.randint(125, 165)
    product = dice.choice([bottle, carton, shoe])
    product(canvas, dice, x, y, dice.choice([dice.light(), dice.dark(), dice.vivid()]))
    discount(canvas, dice)
    slogan, face = dice.choice(SALE_SLOGANS), font("bold", dice.randint(24, 32))
    at, stroke = (CENTRE, dice.randint(16, 30)), dice.choice([0, 2])
    canvas.pen.text(at, slogan, WHITE, face, "mm", stroke_width=stroke, stroke_fill=INK)
    if dice.happens(0.8):
        canvas.rounded_box(70, 215, 186, 248, radius=8, fill=(255, 235, 40))
        price = f"{dice.randint(1, 99) * 100 - 1} ₽"
        title(canvas, (CENTRE, 231), price, font("bold", 22), INK)
    return canvas


def bottle(canvas: Canvas, dice: Dice, x: float, y: float, colour: Colour) -> None:
    """A bottle with a white label."""
    canvas.rounded_box(x - 35, y - 50, x + 35, y + 60, radius=10, fill=colour)
    canvas.box(x - 12, y - 75, x + 12, y - 50, colour)
    canvas.box(x - 30, y - 15, x + 30, y + 25, PAPER)


def carton(canvas: Canvas, dice: Dice, x: float, y: float, colour: Colour) -> None:
    """A box with a lid and a ribbon."""
    canvas.box(x - 50, y - 30, x + 50, y + 60, colour)
    lid = [(x - 50, y - 30), (x - 30, y - 55), (x + 70, y - 55), (x + 50, y - 30)]
    canvas.polygon(lid, dice.near(colour, 50))
    canvas.box(x - 8, y - 30, x + 8, y + 60, dice.vivid())


def shoe(canvas: Canvas, dice: Dice, x: float, y: float, colour: Colour) -> None:
    """A shoe with a white sole."""
    upper = ((-60, 40), (-60, -5), (-25, -10), (10, 10), (60, 20), (60, 40))
    canvas.polygon([(x + right, y + down) for right, down in upper], colour)
    canvas.box(x - 62, y + 40, x + 62, y + 50, PAPER)


def discount(canvas: Canvas, dice: Dice) -> None:
    """A many-pointed star with a percentage, near a corner."""
    x = dice.choice([55, 200]) + dice.randint(-10, 10)
    y = dice.choice([70, 195]) + dice.randint(-10, 10)
    radius = dice.randint(38, 54)
    colour = dice.choice([(230, 20, 30), (255, 220, 0), (250, 110, 0)])
    canvas.star(x, y, (0.78 * radius, radius), colour, n_points=dice.randint(10, 18))
    percentage, face = f"-{10 * dice.randint(1, 9)}%", font("bold", int(0.55 * radius))
    title(canvas, (x, y), percentage, face, dice.choice([WHITE, INK]))
