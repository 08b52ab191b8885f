"""Holiday cards and abstract art."""

from vkflow.sample.drawings.canvas import CENTRE, SIZE, Canvas
from vkflow.sample.drawings.dice import PAPER, WHITE, Colour, Dice
from vkflow.sample.drawings.lettering import Face, font

CARD_GROUNDS: list[tuple[Colour, Colour]] = [
    ((180, 20, 40), (110, 5, 25)),
    ((250, 190, 210), (250, 150, 190)),
    ((20, 60, 130), (60, 120, 190)),
    ((255, 230, 150), (250, 170, 90)),
    ((30, 100, 60), (10, 60, 35)),
]
WISHES = [
    "С праздником!",
    "С Новым годом!",
    "Поздравляем!",
    "С днём рождения",
    "Happy Birthday",
    "8 марта",
]
GOLD: Colour = (255, 220, 70)


def holiday(dice: Dice) -> Canvas:
    """A greeting card: confetti, a wish, and a tree, balloons, hearts or presents."""
    canvas = Canvas.gradient(*dice.choice(CARD_GROUNDS))
    for _ in range(dice.randint(30, 90)):
        x, y = dice.randint(0, SIZE), dice.randint(0, SIZE)
        canvas.circle(x, y, dice.randint(1, 4), dice.choice([WHITE, GOLD, dice.vivid()]))
    motif, fewest, most = dice.choice(
        [(christmas_tree, 1, 1), (balloon, 4, 8), (heart, 3, 8), (present, 1, 3)]
    )
    for _ in range(dice.randint(fewest, most)):
        motif(canvas, dice)
    face: Face = "italic" if dice.happens(0.6) else "serif bold"
    at, letters = (CENTRE, dice.randint(30, 42)), font(face, dice.randint(22, 27))
    edge = (120, 20, 40)
    canvas.pen.text(at, dice.choice(WISHES), WHITE, letters, "mm", stroke_width=1, stroke_fill=edge)
    return canvas


def christmas_tree(canvas: Canvas, dice: Dice) -> None:
    """A fir of three tiers with baubles and a star."""
    x = dice.randint(90, 166)
    for tier in range(3):
        tip, half = 70 + 38 * tier, 32 + 14 * tier
        hem = tip + 60
        canvas.polygon([(x, tip), (x - half, hem), (x + half, hem)], (20, 120 - 10 * tier, 50))
    for _ in range(14):
        canvas.circle(x + dice.randint(-40, 40), dice.randint(110, 200), 4, dice.vivid())
    canvas.star(x, 70, (6, 13), GOLD, n_points=5)
    canvas.box(x - 8, 206, x + 8, 225, (100, 60, 30))


def balloon(canvas: Canvas, dice: Dice) -> None:
    """A balloon on a thread."""
    x, y, radius = dice.randint(25, SIZE - 25), dice.randint(80, 180), dice.randint(16, 26)
    end = (x + dice.randint(-10, 10), y + radius + 60)
    canvas.line([(x, y + radius), end], (240, 240, 240))
    canvas.ellipse(x, y, radius, 1.2 * radius, dice.vivid())


def heart(canvas: Canvas, dice: Dice) -> None:
    """A pink to red heart."""
    x, y, radius = dice.randint(25, SIZE - 25), dice.randint(85, 215), dice.randint(10, 26)
    colour, half = dice.colour((0.92, 1.02), (0.5, 1), 1), radius / 2
    canvas.circle(x - half, y - half, half, colour)
    canvas.circle(x + half, y - half, half, colour)
    brim, width = y - 0.3 * radius, 0.95 * radius
    canvas.polygon([(x - width, brim), (x + width, brim), (x, y + radius)], colour)


def present(canvas: Canvas, dice: Dice) -> None:
    """A box with a ribbon and a bow."""
    x, y, size = dice.randint(40, SIZE - 90), dice.randint(110, 160), dice.randint(45, 75)
    paper, ribbon = dice.vivid(), dice.vivid()
    canvas.box(x, y, x + size, y + 0.9 * size, paper)
    canvas.box(x + 0.42 * size, y, x + 0.58 * size, y + 0.9 * size, ribbon)
    canvas.box(x - 4, y, x + size + 4, y + 12, ribbon)
    for loop in (0.35, 0.65):
        canvas.ellipse(x + loop * size, y - 9, 0.15 * size, 9, outline=ribbon, width=5)


def art(dice: Dice) -> Canvas:
    """An abstract painting of strokes, blocks or shards."""
    canvas = Canvas.plain(dice.light() if dice.happens(0.6) else dice.dark())
    paints = [dice.vivid() for _ in range(dice.randint(3, 6))] + [(15, 15, 15), PAPER]
    mark = dice.choice([brush_stroke, block, shard])
    for _ in range(dice.randint(14, 40)):
        mark(canvas, dice, dice.randint(-20, SIZE), dice.randint(-20, SIZE), dice.choice(paints))
    return canvas


def brush_stroke(canvas: Canvas, dice: Dice, x: int, y: int, paint: Colour) -> None:
    """A thick line with three bends."""
    bends = [(x + dice.randint(-90, 90), y + dice.randint(-90, 90)) for _ in range(4)]
    canvas.line([(x, y), *bends], paint, width=dice.randint(4, 20))


def block(canvas: Canvas, dice: Dice, x: int, y: int, paint: Colour) -> None:
    """A rectangle or an ellipse."""
    shape = canvas.pen.ellipse if dice.happens(0.4) else canvas.pen.rectangle
    shape((x, y, x + dice.randint(10, 80), y + dice.randint(10, 80)), paint)


def shard(canvas: Canvas, dice: Dice, x: int, y: int, paint: Colour) -> None:
    """A polygon of three to five corners."""
    count = dice.randint(3, 5)
    corners = [(x + dice.randint(-70, 70), y + dice.randint(-70, 70)) for _ in range(count)]
    canvas.polygon(corners, paint)
