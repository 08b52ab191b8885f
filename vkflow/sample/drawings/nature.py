"""Landscape, beach, flowers and space."""

import math

from vkflow.sample.drawings.backgrounds import clouds, hills, room, sky, sun
from vkflow.sample.drawings.canvas import SIZE, Canvas, on_circle
from vkflow.sample.drawings.dice import WHITE, Colour, Dice, shade

BARK: Colour = (100, 68, 35)
STALK: Colour = (50, 130, 50)


def landscape(dice: Dice) -> Canvas:
    """Green hills with trees under a sky; often mountains, sometimes a lake."""
    canvas = sky(dice)
    if dice.happens(0.7):
        sun(canvas, dice, lowest=90)
    clouds(canvas, dice, most=4)
    if dice.happens(0.5):
        for _ in range(dice.randint(2, 4)):
            mountain(canvas, dice)
    ridge = dice.randint(120, 160)
    for step in range(dice.randint(2, 3)):
        green = dice.colour((0.2, 0.4), (0.4, 0.9), (0.3, 0.7))
        hills(canvas, dice, ridge + 35 * step, dice.uniform(6, 18), green)
    if dice.happens(0.35):
        canvas.ellipse(dice.randint(50, 180), 235, dice.randint(80, 130), 40, (82, 144, 204))
    for _ in range(dice.randint(2, 12)):
        foot = dice.randint(150, 240)
        tree(canvas, dice, foot, height=dice.randint(25, 45) + 0.4 * (foot - 150))
    return canvas


def mountain(canvas: Canvas, dice: Dice) -> None:
    """A grey triangle with snow on its top quarter."""
    x, foot = dice.randint(0, SIZE), dice.randint(130, 170)
    width, height = dice.randint(50, 110), dice.randint(50, 110)
    level = dice.randint(80, 140)
    peak = (x, foot - height)
    canvas.polygon([(x - width, foot), peak, (x + width, foot)], (level, level, level + 20))
    snow = foot - 0.75 * height
    canvas.polygon([(x - width / 4, snow), peak, (x + width / 4, snow)], (245, 245, 250))


def tree(canvas: Canvas, dice: Dice, foot: float, height: float) -> None:
    """A fir of three triangles, or a round crown on a trunk."""
    x = dice.randint(0, SIZE)
    green = dice.colour((0.22, 0.42), (0.4, 0.9), (0.2, 0.6))
    canvas.box(x - 0.05 * height, foot - 0.3 * height, x + 0.05 * height, foot, BARK)
    if dice.happens(0.5):
        canvas.ellipse(x, foot - 0.62 * height, 0.3 * height, 0.38 * height, green)
        return
    for tier in range(3):
        tip, hem = foot - height * (1 - 0.2 * tier), foot - height * (0.6 - 0.17 * tier)
        half = height * (0.15 + 0.07 * tier)
        canvas.polygon([(x, tip), (x - half, hem), (x + half, hem)], green)


def beach(dice: Dice) -> Canvas:
    """Sky, sea and sand, with a boat, a parasol or a palm."""
    canvas = sky(dice)
    horizon, shore = dice.randint(80, 130), dice.randint(165, 205)
    if dice.happens(0.7):
        sun(canvas, dice, lowest=horizon)
    clouds(canvas, dice, most=2)
    sea(canvas, dice, horizon, shore)
    hills(canvas, dice, shore, 7, dice.colour((0.09, 0.13), (0.25, 0.5), (0.8, 0.97)))
    if dice.happens(0.5):
        boat(canvas, dice, horizon)
    if dice.happens(0.6):
        parasol(canvas, dice)
    if dice.happens(0.4):
        palm(canvas, x=dice.choice([20, SIZE - 20]))
    return canvas


def sea(canvas: Canvas, dice: Dice, horizon: int, shore: int) -> None:
    """Water below the horizon, with short waves down to the shore."""
    water = dice.colour((0.48, 0.6), (0.5, 0.9), (0.5, 0.9))
    canvas.box(0, horizon, SIZE, SIZE, water)
    for _ in range(dice.randint(10, 40)):
        x, y = dice.randint(0, SIZE), dice.randint(horizon + 3, shore)
        wave = [(x, y), (x + dice.randint(8, 40), y)]
        canvas.line(wave, dice.near(water, 40), width=dice.randint(1, 2))


def boat(canvas: Canvas, dice: Dice, horizon: int) -> None:
    """A small boat with a white sail, just below the horizon."""
    x, y = dice.randint(20, SIZE - 60), horizon + dice.randint(2, 25)
    width = dice.randint(20, 40)
    hull = [(x, y), (x + width, y), (x + 0.8 * width, y + 9), (x + 0.2 * width, y + 9)]
    canvas.polygon(hull, dice.vivid())
    mast = x + width / 2
    canvas.polygon([(mast, y - 2), (mast, y - 40), (x + width, y - 4)], (250, 250, 250))


def parasol(canvas: Canvas, dice: Dice) -> None:
    """A striped parasol stuck in the sand."""
    x, foot, reach = dice.randint(30, SIZE - 30), dice.randint(205, 235), dice.randint(25, 40)
    canvas.line([(x, foot), (x, foot - 1.5 * reach)], (120, 90, 60), width=3)
    middle = (x, foot - 1.3 * reach)
    canvas.slice(middle, (reach, 0.7 * reach), (180, 360), dice.vivid())
    canvas.slice(middle, (0.4 * reach, 0.7 * reach), (180, 360), WHITE)


def palm(canvas: Canvas, x: float) -> None:
    """A leaning trunk with eight leaves."""
    canvas.line([(x, 210), (x + 8, 120)], (110, 75, 40), width=7)
    for leaf in range(8):
        angle = leaf * math.tau / 8
        tip = (x + 8 + 38 * math.cos(angle), 120 + 22 * math.sin(angle))
        canvas.line([(x + 8, 120), tip], (40, 130, 50), width=6)


def flowers(dice: Dice) -> Canvas:
    """Blossoms of about one colour on stalks."""
    if dice.happens(0.6):
        canvas = Canvas.plain(dice.colour((0.22, 0.4), (0.3, 0.8), (0.25, 0.75)))
    else:
        canvas = room(dice)
    colour = dice.colour(dice.choice([0.0, 0.12, 0.15, 0.7, 0.8, 0.95]), (0.5, 0.95), (0.8, 1))
    count = dice.randint(3, 12)
    for _ in range(count):
        radius = dice.randint(16, 44) if count < 8 else dice.randint(14, 26)
        flower(canvas, dice, radius, dice.near(colour, 35))
    return canvas


def flower(canvas: Canvas, dice: Dice, radius: float, colour: Colour) -> None:
    """A stalk with a leaf, five to nine petals and a yellow or brown centre."""
    x, y = dice.randint(20, SIZE - 20), dice.randint(25, 180)
    canvas.line([(x, y), (x + dice.randint(-15, 15), SIZE)], STALK, width=4)
    canvas.ellipse(x + 13, SIZE - dice.randint(15, 55), 13, 5, (60, 150, 60))
    n_petals = dice.randint(5, 9)
    for petal in range(n_petals):
        centre = on_circle(x, y, 0.6 * radius, petal * math.tau / n_petals)
        canvas.circle(*centre, 0.42 * radius, colour, outline=shade(colour, 0.8))
    canvas.circle(x, y, 0.32 * radius, dice.choice([(250, 210, 60), (120, 70, 30)]))


def space(dice: Dice) -> Canvas:
    """Stars and planets, sometimes in front of a nebula."""
    canvas = Canvas.gradient((3, 3, 15), dice.colour((0.6, 0.9), 0.7, (0.08, 0.3)))
    for _ in range(dice.randint(80, 250)):
        level = dice.randint(120, 255)
        x, y = dice.randint(0, SIZE), dice.randint(0, SIZE)
        canvas.circle(x, y, dice.choice([0, 0, 1, 1, 2]), (level, level, 255))
    if dice.happens(0.5):
        canvas.glow(nebula(dice), blur=24)
    for _ in range(dice.randint(1, 3)):
        planet(canvas, dice)
    return canvas


def nebula(dice: Dice) -> Canvas:
    """Dim discs on black, to be blurred into a glow."""
    light = Canvas.plain((0, 0, 0))
    for _ in range(8):
        x, y = dice.randint(0, SIZE), dice.randint(0, SIZE)
        light.circle(x, y, dice.randint(20, 60), dice.colour((0.6, 1), 0.7, 0.4))
    return light


def planet(canvas: Canvas, dice: Dice) -> None:
    """A disc with its night side, sometimes with a ring."""
    x, y, radius = dice.randint(40, 215), dice.randint(40, 215), dice.randint(16, 52)
    colour = dice.colour((0, 1), (0.2, 0.7), (0.5, 0.95))
    canvas.circle(x, y, radius, colour)
    box = (x - radius, y - radius, x + radius, y + radius)
    canvas.pen.chord(box, 40, 180, shade(colour, 0.65))
    if dice.happens(0.4):
        ring = dice.near((220, 200, 160), 20)
        canvas.ellipse(x, y, 1.7 * radius, 0.35 * radius, outline=ring, width=3)
