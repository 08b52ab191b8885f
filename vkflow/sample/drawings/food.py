"""A meal on a plate."""

import math

from vkflow.sample.drawings.canvas import SIZE, Canvas, on_circle
from vkflow.sample.drawings.dice import Colour, Dice

TOPPINGS: list[Colour] = [(190, 40, 30), (60, 130, 40), (60, 30, 50), (180, 60, 40)]
MORSELS: list[Colour] = [
    (200, 50, 35),
    (90, 150, 50),
    (240, 190, 70),
    (150, 90, 50),
    (250, 240, 210),
    (230, 120, 40),
]
STEEL: Colour = (176, 176, 181)


def food(dice: Dice) -> Canvas:
    """A pizza or a mixed dish on a plate, with a fork and a knife, on a table."""
    canvas = table_top(dice)
    x, y, radius = dice.randint(110, 146), dice.randint(110, 146), dice.randint(72, 100)
    plate = dice.near((240, 240, 238), 12)
    canvas.circle(x, y, radius, plate, outline=(190, 190, 190), width=2)
    canvas.circle(x, y, 0.75 * radius, dice.near((250, 250, 248), 5), outline=(215, 215, 215))
    if dice.happens(0.35):
        pizza(canvas, dice, x, y, radius)
    else:
        mixed_dish(canvas, dice, x, y, radius)
    cutlery(canvas, dice)
    return canvas


def table_top(dice: Dice) -> Canvas:
    """Wood or a plain cloth, sometimes checked."""
    wood = dice.colour((0.02, 0.14), (0.2, 0.7), (0.3, 0.9))
    canvas = Canvas.plain(wood if dice.happens(0.6) else dice.light())
    if dice.happens(0.4):
        check = dice.vivid()
        for x in range(0, SIZE, 32):
            for y in range(x % 64, SIZE, 64):
                canvas.box(x, y, x + 31, y + 31, check)
    return canvas


def pizza(canvas: Canvas, dice: Dice, x: float, y: float, radius: float) -> None:
    """Crust, cheese and toppings."""
    canvas.circle(x, y, 0.7 * radius, (215, 150, 70))
    canvas.circle(x, y, 0.62 * radius, (240, 200, 90))
    for _ in range(dice.randint(8, 16)):
        place = on_circle(x, y, dice.uniform(0, 0.5 * radius), dice.uniform(0, math.tau))
        canvas.circle(*place, radius * dice.uniform(0.07, 0.13), dice.choice(TOPPINGS))


def mixed_dish(canvas: Canvas, dice: Dice, x: float, y: float, radius: float) -> None:
    """A heap of morsels of many colours."""
    for _ in range(dice.randint(6, 18)):
        place = on_circle(x, y, dice.uniform(0, 0.45 * radius), dice.uniform(0, math.tau))
        wide, high = radius * dice.uniform(0.1, 0.28), radius * dice.uniform(0.1, 0.22)
        canvas.ellipse(*place, wide, high, dice.near(dice.choice(MORSELS)))


def cutlery(canvas: Canvas, dice: Dice) -> None:
    """Mostly a fork on the left, mostly a knife on the right."""
    if dice.happens(0.7):
        canvas.box(12, 60, 17, 200, STEEL)
        for x in (5, 12, 19):
            canvas.box(x, 40, x + 3, 80, STEEL)
    if dice.happens(0.7):
        canvas.box(SIZE - 20, 50, SIZE - 12, 200, STEEL)
