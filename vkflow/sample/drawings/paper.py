"""What could be printed: quote, chart, table, document."""

import math

from vkflow.sample.drawings.canvas import CENTRE, SIZE, Canvas
from vkflow.sample.drawings.dice import INK, PAPER, WHITE, Colour, Dice, is_bright
from vkflow.sample.drawings.lettering import (
    RUSSIAN_WORDS,
    Face,
    font,
    paragraph,
    title,
    words,
)

GRID: Colour = (155, 155, 160)
LEFT, TOP, RIGHT, BOTTOM = 36, 40, 240, 220
"""The plotting area of a chart with axes."""


def quote(dice: Dice) -> Canvas:
    """A short text with a big quotation mark and an author, on a quiet background."""
    on_dark = dice.happens(0.5)
    ground = dice.dark() if on_dark else dice.light()
    canvas = Canvas.gradient(ground, ground if dice.happens(0.5) else dice.near(ground, 60))
    ink, accent = (245, 245, 240) if on_dark else (35, 30, 40), dice.vivid()
    if dice.happens(0.5):
        canvas.box(12, 12, SIZE - 13, SIZE - 13, outline=ink, width=dice.randint(1, 3))
    mark, size = dice.choice(["“", "“", "«"]), dice.randint(70, 95)
    title(canvas, (CENTRE, 48), mark, font("serif bold", size), accent)
    text = words(dice, dice.randint(7, 13)).capitalize() + "."
    face: Face = dice.choice(["italic", "serif"])
    at, letters = (30, dice.randint(72, 92)), font(face, dice.randint(17, 21))
    end = paragraph(canvas, at, text, letters, ink, SIZE - 60, spacing=1.3, centred=True)
    underline = min(end + 10, 226)
    canvas.line([(100, underline), (156, underline)], accent, width=2)
    author = "— " + words(dice, 2).title()
    title(canvas, (CENTRE, underline + 12), author, font("sans", 14), ink)
    return canvas


def document(dice: Dice) -> Canvas:
    """A page full of small text, perhaps with a heading and a stamp."""
    canvas = Canvas.plain(dice.near((250, 249, 245), 6))
    face: Face = dice.choice(["sans", "serif"])
    margin, y = dice.randint(14, 28), 16.0
    if dice.happens(0.7):
        heading = font("bold" if face == "sans" else "serif bold", 15)
        title(canvas, (CENTRE, 24), words(dice, 2).upper(), heading, INK)
        y = 42.0
    while y < 235:
        text = words(dice, dice.randint(10, 26)).capitalize() + "."
        width = SIZE - 2 * margin
        y = 6 + paragraph(canvas, (margin, y), text, font(face, 11), INK, width, spacing=1.25)
    if dice.happens(0.3):
        canvas.circle(200, 220, 30, outline=(60, 70, 180), width=3)
    return canvas


def table(dice: Dice) -> Canvas:
    """Rows and columns of numbers under a coloured header row."""
    canvas = Canvas.plain(WHITE if dice.happens(0.7) else dice.light())
    n_rows, n_columns, top = dice.randint(5, 10), dice.randint(3, 5), 8
    if dice.happens(0.6):
        title(canvas, (CENTRE, 18), words(dice, 2).title(), font("bold", 16), INK)
        top = 36
    height, width = (SIZE - 8 - top) / n_rows, (SIZE - 16) / n_columns
    header, striped = dice.vivid(), dice.happens(0.5)
    for row in range(n_rows):
        fill = header if row == 0 else (235, 238, 242) if striped and row % 2 else WHITE
        ink, face = (WHITE, font("bold", 12)) if row == 0 else (INK, font("sans", 12))
        for column in range(n_columns):
            x, y = 8 + column * width, top + row * height
            canvas.box(x, y, x + width, y + height, fill, outline=GRID)
            is_label = row == 0 or column == 0
            cell = dice.choice(RUSSIAN_WORDS)[:6] if is_label else str(dice.randint(0, 999))
            canvas.pen.text((x + 4, y + height / 2), cell, ink, face, anchor="lm")
    return canvas


def chart(dice: Dice) -> Canvas:
    """A titled bar chart, line chart or pie chart."""
    ground = dice.choice([WHITE, (248, 248, 250), dice.light(), (30, 32, 40)])
    ink = (40, 40, 45) if is_bright(ground) else (220, 220, 225)
    canvas = Canvas.plain(ground)
    title(canvas, (CENTRE, 18), words(dice, 2).title(), font("bold", 16), ink)
    if dice.happens(0.25):
        pie(canvas, dice, ground)
        return canvas
    axes(canvas, dice, ink)
    if dice.happens(0.67):
        bars(canvas, dice, ink)
    else:
        for _ in range(dice.randint(1, 3)):
            curve(canvas, dice)
    return canvas


def axes(canvas: Canvas, dice: Dice, ink: Colour) -> None:
    """Two axes with a grid and numbers."""
    for step in range(5):
        y = TOP + (BOTTOM - TOP) * step / 5
        canvas.line([(LEFT, y), (RIGHT, y)], GRID)
        canvas.pen.text((4, y - 6), str(dice.randint(10, 99)), ink, font("sans", 11))
    canvas.line([(LEFT, TOP), (LEFT, BOTTOM), (RIGHT, BOTTOM)], ink, width=2)


def bars(canvas: Canvas, dice: Dice, ink: Colour) -> None:
    """Four to nine bars in one colour or in many."""
    count, colour, many = dice.randint(4, 9), dice.vivid(), dice.happens(0.5)
    width = (RIGHT - LEFT) / count
    for bar in range(count):
        left, height = LEFT + width * bar, dice.uniform(0.12, 0.95) * (BOTTOM - TOP)
        fill = dice.vivid() if many else colour
        canvas.box(left + 0.18 * width, BOTTOM - height, left + 0.82 * width, BOTTOM - 1, fill)
        letter = dice.choice("ABCDEабвг12345")
        title(canvas, (left + width / 2, BOTTOM + 12), letter, font("sans", 11), ink)


def curve(canvas: Canvas, dice: Dice) -> None:
    """A random walk with a dot at every step."""
    count, share, points = dice.randint(8, 13), dice.uniform(0.2, 0.8), []
    for step in range(count):
        share = min(0.95, max(0.05, share + dice.uniform(-0.2, 0.2)))
        x = LEFT + (RIGHT - LEFT) * step / (count - 1)
        points.append((x, BOTTOM - share * (BOTTOM - TOP)))
    colour = dice.vivid()
    canvas.line(points, colour, width=4)
    for x, y in points:
        canvas.circle(x, y, 4, colour)


def pie(canvas: Canvas, dice: Dice, ground: Colour) -> None:
    """A pie or a ring of three to six slices with a legend."""
    weights = [dice.uniform(0.3, 1) for _ in range(dice.randint(3, 6))]
    x, start = dice.choice([100, 128, 150]), dice.uniform(0, 360)
    for place, weight in enumerate(weights):
        end, colour = start + 360 * weight / math.fsum(weights), dice.vivid()
        canvas.pen.pieslice((x - 80, 50, x + 80, 210), start, end, colour, PAPER)
        canvas.box(10 + 40 * place, 228, 22 + 40 * place, 240, colour)
        start = end
    if dice.happens(0.4):
        canvas.circle(x, 130, 38, ground)
