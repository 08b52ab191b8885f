"""City, car and street map."""

from vkflow.sample.drawings.backgrounds import hills, sky
from vkflow.sample.drawings.canvas import SIZE, Canvas, Point
from vkflow.sample.drawings.dice import PAPER, WHITE, Colour, Dice
from vkflow.sample.drawings.lettering import RUSSIAN_WORDS, font

GLASS: Colour = (150, 195, 220)
TYRE: Colour = (25, 25, 28)


def city(dice: Dice) -> Canvas:
    """Two rows of buildings with windows behind a road, by day or by night."""
    night = dice.happens(0.4)
    canvas = Canvas.gradient((10, 10, 40), (60, 40, 90)) if night else sky(dice)
    for row in range(2):
        x = -10
        while x < SIZE:
            width = dice.randint(18, 50)
            building(canvas, dice, x, width, row, night)
            x += width + dice.randint(0, 6)
    road(canvas, dice, top=225, marking=239, period=36)
    return canvas


def building(canvas: Canvas, dice: Dice, x: int, width: int, row: int, night: bool) -> None:
    """One house; the second row is lower and darker."""
    level = dice.randint(30, 70) if night else dice.randint(90, 190) - 30 * row
    wall = dice.near((level, level, level + 10), 25)
    window = (250, 220, 120) if night else dice.near((180, 210, 235), 20)
    roof = 225 - dice.randint(60, 190) + 30 * row
    canvas.box(x, roof, x + width, 240, wall)
    if dice.happens(0.2):
        canvas.line([(x + width / 2, roof), (x + width / 2, roof - 25)], wall, width=2)
    step = dice.choice([7, 8, 10])
    for window_y in range(roof + 5, 232, step + 3):
        for window_x in range(x + 3, x + width - 4, step):
            if dice.happens(0.75):
                canvas.box(window_x, window_y, window_x + 3, window_y + 5, window)


def road(canvas: Canvas, dice: Dice, top: float, marking: float, period: int) -> None:
    """Asphalt below `top`, with a dashed line."""
    canvas.box(0, top, SIZE, SIZE, dice.grey(40, 120))
    for x in range(dice.randint(0, 20), SIZE, period):
        canvas.box(x, marking, x + period / 2, marking + 4, (235, 235, 220))


def car(dice: Dice) -> Canvas:
    """A car from the side, heading left or right, on a road."""
    if dice.happens(0.6):
        canvas = sky(dice)
        hills(canvas, dice, 140, 10, dice.colour((0.15, 0.4), 0.5, (0.4, 0.8)))
    else:
        canvas = Canvas.plain(dice.near((185, 185, 190), 50))
    road(canvas, dice, top=180, marking=226, period=44)
    width = dice.randint(130, 205)
    left, floor = dice.randint(10, SIZE - width - 10), dice.randint(185, 212)
    car_body(canvas, dice, left, floor, width, height=width * dice.uniform(0.17, 0.24))
    return canvas


def car_body(
    canvas: Canvas, dice: Dice, left: float, floor: float, width: float, height: float
) -> None:
    """Cabin, windows, body, lights and wheels."""
    paint = dice.choice([dice.vivid(), (235, 235, 235), (35, 35, 40), (150, 155, 160)])
    cabin, mirrored = height * dice.uniform(0.8, 1.1), dice.happens(0.5)
    roof, sill, lintel = height + cabin, height, height + 0.85 * cabin

    def outline(*corners: Point) -> list[Point]:
        """Corners given as (share of the length, pixels above the floor), facing left or right."""
        shares = ((1 - share if mirrored else share, up) for share, up in corners)
        return [(left + share * width, floor - up) for share, up in shares]

    canvas.polygon(outline((0.15, sill), (0.3, roof), (0.68, roof), (0.86, sill)), paint)
    canvas.polygon(outline((0.21, sill), (0.33, lintel), (0.48, lintel), (0.48, sill)), GLASS)
    canvas.polygon(outline((0.51, sill), (0.51, lintel), (0.66, lintel), (0.78, sill)), GLASS)
    right, top, bottom = left + width, floor - 0.5 * height, floor - 0.25 * height
    canvas.rounded_box(left, floor - height, right, floor, 0.35 * height, paint)
    canvas.box(left, top, left + 7, bottom, (250, 230, 120))
    canvas.box(right - 7, top, right, bottom, (210, 40, 30))
    for wheel in (left + 0.22 * width, left + 0.78 * width):
        canvas.circle(wheel, floor, 0.48 * height, TYRE)
        canvas.circle(wheel, floor, 0.24 * height, (180, 180, 185))


def street_map(dice: Dice) -> Canvas:
    """A street map with parks, a river, streets, pins and street names."""
    canvas = Canvas.plain(dice.near((235, 230, 215), 14))
    for _ in range(dice.randint(1, 4)):
        x, y = dice.randint(0, SIZE), dice.randint(0, SIZE)
        width, height = dice.randint(30, 90), dice.randint(30, 90)
        canvas.rounded_box(x, y, x + width, y + height, 10, dice.near((190, 220, 160), 14))
    if dice.happens(0.75):
        river(canvas, dice)
    for _ in range(dice.randint(7, 13)):
        street(canvas, dice)
    for _ in range(dice.randint(1, 4)):
        pin(canvas, dice)
    for _ in range(dice.randint(2, 6)):
        at = (dice.randint(0, 200), dice.randint(0, 240))
        name = dice.choice(RUSSIAN_WORDS).title()
        canvas.pen.text(at, name, (90, 85, 80), font("sans", 11))
    return canvas


def river(canvas: Canvas, dice: Dice) -> None:
    """A winding blue band from the left edge to the right one."""
    x, y = dice.randint(-60, 0), dice.randint(0, SIZE)
    bends = [(x, y)]
    while x < SIZE + 30:
        x, y = x + 30, y + dice.randint(-35, 35)
        bends.append((x, y))
    canvas.line(bends, (150, 195, 230), width=dice.randint(16, 40))


def street(canvas: Canvas, dice: Dice) -> None:
    """A street across the map: a wide yellow one or a narrow white one."""
    start, drift = dice.randint(-20, SIZE), dice.randint(-50, 50)
    course: list[Point] = [(start, 0), (start + drift, SIZE)]
    if dice.happens(0.5):
        course = [(y, x) for x, y in course]
    wide = dice.happens(0.3)
    canvas.line(course, (200, 195, 185), width=10 if wide else 6)
    canvas.line(course, (250, 215, 110) if wide else WHITE, width=7 if wide else 4)


def pin(canvas: Canvas, dice: Dice) -> None:
    """A marker whose tip stands on a place."""
    x, y = dice.randint(25, SIZE - 25), dice.randint(45, SIZE - 15)
    colour = dice.choice([(220, 40, 40), (40, 90, 220)])
    canvas.polygon([(x - 10, y - 22), (x + 10, y - 22), (x, y)], colour)
    canvas.circle(x, y - 26, 12, colour)
    canvas.circle(x, y - 26, 5, PAPER)
