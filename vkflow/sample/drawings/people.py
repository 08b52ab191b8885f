"""Portrait, group of people, concert."""

from vkflow.sample.drawings.animals import SIDES
from vkflow.sample.drawings.backgrounds import room
from vkflow.sample.drawings.canvas import SIZE, Canvas
from vkflow.sample.drawings.dice import PAPER, Colour, Dice, shade

SKINS: list[Colour] = [(245, 210, 180), (225, 180, 145), (180, 125, 90), (115, 78, 58)]
HAIRS: list[Colour] = [
    (40, 25, 15),
    (110, 70, 30),
    (215, 180, 100),
    (150, 60, 30),
    (30, 30, 35),
]
STAGE_SHADOW: Colour = (8, 5, 12)
CROWD_SHADOW: Colour = (2, 0, 6)


def clothes(dice: Dice) -> Colour:
    """The colour of something to wear."""
    return dice.choice([dice.vivid(), dice.dark(), dice.light()])


def portrait(dice: Dice) -> Canvas:
    """One person from the chest up, with long or short hair, sometimes with glasses."""
    canvas = room(dice) if dice.happens(0.6) else Canvas.plain(dice.dark())
    skin, hair = dice.choice(SKINS), dice.choice(HAIRS)
    x, y, radius = dice.randint(95, SIZE - 95), dice.randint(90, 115), dice.randint(34, 52)
    if dice.happens(0.5):
        ends = y + radius * dice.uniform(1.2, 2.4)
        long_hair = (x - 1.25 * radius, y - 1.3 * radius, x + 1.25 * radius, ends)
        canvas.rounded_box(*long_hair, radius=radius, fill=hair)
    shoulders = (x - 2 * radius, y + 1.75 * radius, x + 2 * radius, SIZE + 60)
    canvas.rounded_box(*shoulders, radius=radius, fill=clothes(dice))
    neck = (x - 0.35 * radius, y + 0.8 * radius, x + 0.35 * radius, y + 1.95 * radius)
    canvas.box(*neck, fill=shade(skin, 0.92))
    canvas.slice((x, y - 0.3 * radius), (1.1 * radius, 1.25 * radius), (170, 370), hair)
    canvas.ellipse(x, y + 0.05 * radius, 0.92 * radius, 1.15 * radius, skin)
    if dice.happens(0.7):
        canvas.slice((x, y - 0.55 * radius), (0.95 * radius, 0.8 * radius), (180, 360), hair)
    face(canvas, skin, hair, x, y, radius)
    if dice.happens(0.25):
        for side in SIDES:
            glass = (x + 0.38 * side * radius, y, 0.27 * radius)
            canvas.circle(*glass, outline=(20, 20, 20), width=3)
    return canvas


def face(canvas: Canvas, skin: Colour, hair: Colour, x: float, y: float, radius: float) -> None:
    """Eyes, eyebrows, a nose and a smile."""
    for side in SIDES:
        eye_x, eye_y = x + 0.38 * side * radius, y - 0.03 * radius
        canvas.ellipse(eye_x, eye_y, 0.15 * radius, 0.09 * radius, PAPER)
        canvas.circle(eye_x, eye_y, 0.07 * radius, (40, 40, 60))
        brow = [
            (eye_x - 0.19 * radius, y - 0.28 * radius),
            (eye_x + 0.19 * radius, y - 0.28 * radius),
        ]
        canvas.line(brow, hair, width=3)
    canvas.line([(x, y), (x - 0.08 * radius, y + 0.4 * radius)], shade(skin, 0.8), width=2)
    mouth = (x - 0.35 * radius, y + 0.4 * radius, x + 0.35 * radius, y + 0.85 * radius)
    canvas.pen.chord(mouth, 10, 170, (190, 60, 70))


def people(dice: Dice) -> Canvas:
    """One to three rows of four to eight people."""
    canvas = room(dice) if dice.happens(0.7) else Canvas.gradient((20, 5, 40), (120, 30, 120))
    per_row, n_rows = dice.randint(4, 8), dice.randint(1, 3)
    spacing = SIZE / per_row
    for row in range(n_rows):
        for place in range(per_row):
            x = spacing * (place + 0.5 + row % 2 / 2 + dice.uniform(-0.15, 0.15))
            y = 240 - 52 * (n_rows - row) + dice.randint(-8, 8)
            small_person(canvas, dice, x, y, 0.34 * spacing * dice.uniform(0.85, 1.1))
    return canvas


def small_person(canvas: Canvas, dice: Dice, x: float, y: float, radius: float) -> None:
    """A head with hair on a body that runs out of the picture."""
    body = (x - 1.35 * radius, y + 0.9 * radius, x + 1.35 * radius, SIZE + 20)
    canvas.rounded_box(*body, radius=0.8 * radius, fill=clothes(dice))
    canvas.ellipse(x, y, 0.8 * radius, radius, dice.choice(SKINS))
    top = (x, y - 0.27 * radius)
    canvas.slice(top, (0.85 * radius, 0.88 * radius), (180, 360), dice.choice(HAIRS))


def concert(dice: Dice) -> Canvas:
    """Musicians on a stage in beams of light, in front of a dark crowd."""
    canvas = Canvas.gradient((5, 0, 15), dice.colour((0.55, 0.95), 0.8, 0.4))
    canvas.glow(spotlights(dice), blur=5)
    canvas.box(0, 178, SIZE, 200, (30, 20, 40))
    for _ in range(dice.randint(1, 4)):
        musician(canvas, dice)
    for _ in range(dice.randint(12, 26)):
        listener(canvas, dice)
    return canvas


def spotlights(dice: Dice) -> Canvas:
    """Beams of coloured light on black."""
    light = Canvas.plain((0, 0, 0))
    for _ in range(dice.randint(3, 7)):
        lamp, spot = dice.randint(0, SIZE), dice.randint(-80, SIZE + 80)
        beam = [(lamp, -5), (spot - 30, 220), (spot + 30, 220)]
        light.polygon(beam, dice.colour((0, 1), 0.8, 0.5))
    return light


def musician(canvas: Canvas, dice: Dice) -> None:
    """A silhouette on the stage, often with a guitar."""
    x = dice.randint(40, 216)
    canvas.ellipse(x, 122, 9, 10, STAGE_SHADOW)
    canvas.box(x - 13, 130, x + 13, 160, STAGE_SHADOW)
    for leg in (x - 7, x + 7):
        canvas.box(leg - 4, 158, leg + 4, 182, STAGE_SHADOW)
    if dice.happens(0.6):
        canvas.line([(x - 25, 158), (x + 35, 132)], STAGE_SHADOW, width=5)
        canvas.ellipse(x - 18, 156, 12, 10, STAGE_SHADOW)


def listener(canvas: Canvas, dice: Dice) -> None:
    """A head and shoulders of the crowd, some with a raised hand."""
    x, y, radius = dice.randint(0, SIZE), dice.randint(205, 245), dice.randint(9, 15)
    canvas.circle(x, y, radius, CROWD_SHADOW)
    canvas.box(x - 1.3 * radius, y + 0.7 * radius, x + 1.3 * radius, SIZE, CROWD_SHADOW)
    if dice.happens(0.4):
        hand = (x + radius + dice.randint(-4, 8), y - 34)
        canvas.line([(x + radius, y + 8), hand], CROWD_SHADOW, width=6)
