"""Cat and dog."""

from vkflow.sample.drawings.backgrounds import room
from vkflow.sample.drawings.canvas import SIZE, Canvas
from vkflow.sample.drawings.dice import Colour, Dice, is_bright, shade

FURS: list[Colour] = [
    (225, 150, 70),
    (60, 55, 55),
    (160, 150, 140),
    (240, 235, 225),
    (120, 80, 50),
    (200, 170, 130),
]
PINK: Colour = (235, 160, 165)
NOSE: Colour = (20, 15, 15)
SIDES = (-1, 1)


def cat(dice: Dice) -> Canvas:
    """A cat facing the viewer; most have a body and a tail, half have stripes."""
    canvas, fur = room(dice), dice.near(dice.choice(FURS))
    stripe, x, y, radius = shade(fur, 0.75), *head_place(dice)
    if dice.happens(0.85):
        cat_body(canvas, stripe, x, y, radius, side=dice.choice(SIDES))
    for side in SIDES:
        cat_ear(canvas, fur, x, y, side * radius)
    canvas.ellipse(x, y, radius, 0.88 * radius, fur)
    if dice.happens(0.5):
        for shift in (-0.25, 0, 0.25):
            top, end = x + shift * radius, x + 0.8 * shift * radius
            canvas.line([(top, y - 0.85 * radius), (end, y - 0.45 * radius)], stripe, width=4)
    cat_face(canvas, dice, fur, x, y, radius)
    return canvas


def head_place(dice: Dice) -> tuple[int, int, int]:
    """Centre (x, y) and radius of a head, in pixels, leaving space for a body below."""
    return dice.randint(75, SIZE - 75), dice.randint(85, 120), dice.randint(42, 66)


def cat_body(canvas: Canvas, fur: Colour, x: float, y: float, radius: float, side: int) -> None:
    """The body below the head, with the tail on one side (-1 left, 1 right)."""
    canvas.ellipse(x, y + 1.85 * radius, 1.05 * radius, 1.35 * radius, fur)
    half = (90, 270) if side < 0 else (270, 450)
    tail = (x + side * radius, y + 1.6 * radius)
    canvas.arc(tail, (0.7 * radius, radius), half, fur, width=int(0.22 * radius))


def cat_ear(canvas: Canvas, fur: Colour, x: float, y: float, reach: float) -> None:
    """A pointed ear with a pink inside; a negative `reach` is the left one."""
    size = abs(reach)
    outer = ((0.95, 0.15), (0.85, 1.45), (0.15, 0.8))
    inner = ((0.8, 0.5), (0.77, 1.2), (0.35, 0.8))
    for corners, colour in ((outer, fur), (inner, PINK)):
        canvas.polygon([(x + out * reach, y - up * size) for out, up in corners], colour)


def cat_face(canvas: Canvas, dice: Dice, fur: Colour, x: float, y: float, radius: float) -> None:
    """Eyes with narrow pupils, a pink nose, three whiskers on each side."""
    iris = dice.choice([(120, 200, 80), (240, 200, 60), (90, 170, 220)])
    whisker = (70, 70, 70) if is_bright(fur) else (250, 250, 250)
    for side in SIDES:
        eye_x, eye_y = x + 0.42 * side * radius, y - 0.1 * radius
        canvas.circle(eye_x, eye_y, 0.2 * radius, iris)
        canvas.ellipse(eye_x, eye_y, 0.06 * radius, 0.18 * radius, (10, 10, 10))
        root = (x + 0.25 * side * radius, y + 0.38 * radius)
        for drop in (0.22, 0.45, 0.67):
            tip = (x + 1.3 * side * radius, y + drop * radius)
            canvas.line([root, tip], whisker, width=2)
    nose_y, half = y + 0.22 * radius, 0.1 * radius
    canvas.polygon([(x - half, nose_y), (x + half, nose_y), (x, nose_y + 1.2 * half)], PINK)


def dog(dice: Dice) -> Canvas:
    """A dog facing the viewer with hanging ears, a muzzle, and often its tongue out."""
    canvas, fur = room(dice), dice.near(dice.choice(FURS))
    x, y, radius = head_place(dice)
    if dice.happens(0.85):
        canvas.ellipse(x, y + 1.95 * radius, 1.1 * radius, 1.35 * radius, fur)
        collar = (x - 0.6 * radius, y + 0.85 * radius, x + 0.6 * radius, y + 1.05 * radius)
        canvas.box(*collar, fill=dice.vivid())
    canvas.ellipse(x, y - 0.12 * radius, 0.85 * radius, 0.88 * radius, fur)
    ear = dice.near(shade(fur, 0.6), 8)
    for side in SIDES:
        canvas.ellipse(x + 0.9 * side * radius, y, 0.32 * radius, 0.75 * radius, ear)
        canvas.circle(x + 0.35 * side * radius, y - 0.25 * radius, 0.12 * radius, NOSE)
    dog_muzzle(canvas, dice, fur, x, y, radius)
    return canvas


def dog_muzzle(canvas: Canvas, dice: Dice, fur: Colour, x: float, y: float, radius: float) -> None:
    """A lighter muzzle with a big nose, and a tongue or a smile."""
    muzzle = dice.near(shade(fur, 1.3), 8)
    canvas.ellipse(x, y + 0.42 * radius, 0.5 * radius, 0.43 * radius, muzzle)
    canvas.ellipse(x, y + 0.16 * radius, 0.22 * radius, 0.14 * radius, NOSE)
    if dice.happens(0.75):
        tongue = (x - 0.15 * radius, y + 0.5 * radius, x + 0.15 * radius, y + 1.02 * radius)
        canvas.rounded_box(*tongue, radius=0.14 * radius, fill=(230, 90, 110))
    else:
        smile = (x, y + 0.4 * radius)
        canvas.arc(smile, (0.3 * radius, 0.2 * radius), (20, 160), NOSE, width=3)
