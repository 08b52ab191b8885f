"""Football, basketball and tennis, seen from above the field."""

import math

from vkflow.sample.drawings.canvas import CENTRE, SIZE, Canvas, on_circle
from vkflow.sample.drawings.dice import PAPER, Colour, Dice, shade

SEAM: Colour = (30, 20, 10)


def sport(dice: Dice) -> Canvas:
    """A field with its lines, players and a big ball."""
    game, ball = dice.choice(
        [
            (football_pitch, football),
            (football_pitch, football),
            (basketball_court, basketball),
            (tennis_court, tennis_ball),
        ]
    )
    canvas = game(dice)
    field_lines(canvas, dice)
    for _ in range(dice.randint(0, 7)):
        player(canvas, dice)
    x, y = dice.randint(50, SIZE - 50), dice.randint(60, SIZE - 50)
    ball(canvas, x, y, dice.randint(18, 46))
    return canvas


def football_pitch(dice: Dice) -> Canvas:
    """Grass mown in stripes."""
    grass = dice.colour((0.27, 0.38), 0.7, (0.4, 0.7))
    canvas = Canvas.plain(grass)
    for x in range(0, SIZE, 52):
        canvas.box(x, 0, x + 25, SIZE, shade(grass, 0.9))
    return canvas


def basketball_court(dice: Dice) -> Canvas:
    """A wooden floor."""
    return Canvas.plain(dice.colour((0.06, 0.1), 0.55, (0.65, 0.85)))


def tennis_court(dice: Dice) -> Canvas:
    """A hard court, clay or grass."""
    return Canvas.plain(dice.choice([(60, 110, 170), (180, 90, 50), (60, 130, 80)]))


def field_lines(canvas: Canvas, dice: Dice) -> None:
    """White border, middle line, centre circle and one goal area."""
    margin, middle = dice.randint(8, 30), dice.randint(100, 156)
    canvas.box(margin, margin, SIZE - margin, SIZE - margin, outline=PAPER, width=4)
    canvas.line([(margin, middle), (SIZE - margin, middle)], PAPER, width=4)
    canvas.circle(CENTRE, middle, dice.randint(28, 44), outline=PAPER, width=4)
    canvas.box(80, margin, 176, margin + 40, outline=PAPER, width=4)


def player(canvas: Canvas, dice: Dice) -> None:
    """A small player in a red, blue or yellow shirt and white shorts."""
    x, y = dice.randint(20, SIZE - 20), dice.randint(40, SIZE - 45)
    canvas.circle(x, y - 16, 6, (225, 180, 145))
    shirt = dice.choice([(210, 30, 40), (30, 60, 200), (250, 220, 40)])
    canvas.box(x - 8, y - 10, x + 8, y + 12, shirt)
    canvas.box(x - 7, y + 12, x - 2, y + 26, PAPER)
    canvas.box(x + 2, y + 12, x + 7, y + 26, PAPER)


def football(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """A white ball with black patches."""
    canvas.circle(x, y, radius, PAPER, outline=(30, 30, 30), width=2)
    for patch in range(5):
        centre = on_circle(x, y, 0.75 * radius, 0.3 + patch * math.tau / 5)
        canvas.circle(*centre, 0.2 * radius, (20, 20, 20))
    canvas.pen.regular_polygon((x, y, 0.33 * radius), 5, fill=(20, 20, 20))


def basketball(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """An orange ball with dark seams."""
    canvas.circle(x, y, radius, (225, 115, 40), outline=SEAM, width=3)
    canvas.line([(x - radius, y), (x + radius, y)], SEAM, width=3)
    canvas.line([(x, y - radius), (x, y + radius)], SEAM, width=3)
    side_seams(canvas, x, y, radius, SEAM)


def tennis_ball(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """A yellow ball with two white seams."""
    canvas.circle(x, y, radius, (205, 230, 60))
    side_seams(canvas, x, y, radius, PAPER)


def side_seams(canvas: Canvas, x: float, y: float, radius: float, colour: Colour) -> None:
    """Two curved seams, left and right."""
    for side, degrees in ((-1, (-60, 60)), (1, (120, 240))):
        centre = (x + 1.15 * side * radius, y)
        canvas.arc(centre, (0.75 * radius, radius), degrees, colour, width=3)
