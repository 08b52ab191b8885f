"""What stands behind the subject: skies, rooms, hills, clouds, a sun."""

import math

from vkflow.sample.drawings.canvas import SIZE, Canvas
from vkflow.sample.drawings.dice import Colour, Dice

CLOUD: Colour = (245, 245, 250)


def sky(dice: Dice) -> Canvas:
    """A blue sky, a sunset, or (rarely) an overcast one."""
    kind = dice.random()
    if kind < 0.6:
        top = dice.colour((0.54, 0.64), (0.4, 0.8), (0.6, 1))
        return Canvas.gradient(top, dice.colour((0.5, 0.6), (0.05, 0.3), 1))
    if kind < 0.85:
        top = dice.colour((0.6, 0.85), 0.5, (0.3, 0.7))
        return Canvas.gradient(top, dice.colour((0.02, 0.12), 0.7, 1))
    return Canvas.gradient(dice.grey(130, 190), dice.grey(190, 235))


def room(dice: Dice) -> Canvas:
    """A quiet place for a cat, a dog or a person: indoors, outdoors, or just a colour."""
    kind = dice.random()
    if kind < 0.35:
        canvas = Canvas.plain(dice.light())
        floor = dice.colour((0.05, 0.12), (0.3, 0.6), (0.4, 0.8))
        canvas.box(0, dice.randint(170, 215), SIZE, SIZE, floor)
        return canvas
    if kind < 0.6:
        return Canvas.gradient(dice.light(), dice.light())
    if kind < 0.8:
        canvas = sky(dice)
        hills(canvas, dice, 180, 8, dice.colour((0.22, 0.38), 0.6, (0.4, 0.75)))
        return canvas
    return Canvas.plain(dice.colour((0, 1), (0.1, 0.5), (0.35, 0.8)))


def hills(canvas: Canvas, dice: Dice, top: float, height: float, colour: Colour) -> None:
    """Fill everything below a wavy line around `top` that swings by about `height` pixels."""
    waves = [(dice.uniform(0.25, 1.5), dice.uniform(0, math.tau), 1 / k) for k in (1, 2, 3)]
    ridge = [
        (x, top + height * sum(a * math.sin(math.tau * f * x / SIZE + p) for f, p, a in waves))
        for x in range(0, SIZE + 8, 8)
    ]
    canvas.polygon([*ridge, (SIZE + 8, SIZE), (0, SIZE)], colour)


def sun(canvas: Canvas, dice: Dice, lowest: int) -> None:
    """A yellow to orange disc no lower than `lowest` pixels from the top."""
    colour = (255, dice.randint(190, 250), dice.randint(80, 200))
    x, y = dice.randint(20, SIZE - 20), dice.randint(20, lowest)
    canvas.circle(x, y, dice.randint(10, 28), colour)


def clouds(canvas: Canvas, dice: Dice, most: int) -> None:
    """Up to `most` clouds, each of four puffs."""
    for _ in range(dice.randint(0, most)):
        x, y, width = dice.randint(0, SIZE), dice.randint(0, 90), dice.randint(15, 35)
        for _ in range(4):
            puff_x, puff_y = x + dice.randint(-width, width), y + dice.randint(-4, 4)
            canvas.ellipse(puff_x, puff_y, width / 2, width / 3, CLOUD)
