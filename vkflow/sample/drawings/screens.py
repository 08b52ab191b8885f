"""What a screenshot shows: chat, source code, video game."""

from vkflow.sample.drawings.canvas import SIZE, Canvas
from vkflow.sample.drawings.dice import INK, PAPER, WHITE, Colour, Dice, is_bright, shade
from vkflow.sample.drawings.lettering import font, words, wrap

CHAT_GROUNDS: list[Colour] = [
    (230, 236, 242),
    (220, 232, 215),
    WHITE,
    (205, 220, 235),
]
CODE_GROUNDS: list[Colour] = [
    (30, 30, 30),
    (40, 44, 52),
    (13, 17, 23),
    (0, 43, 54),
    (10, 10, 10),
]
CODE_TEXT = (
    "def return import for if x self data print() ={} in None == 'text' 42 async #! { }; -> $git"
)
CODE_TOKENS = CODE_TEXT.split()
WINDOW_BUTTONS: list[Colour] = [(255, 95, 86), (255, 189, 46), (39, 201, 63)]

TILE = 16
N_TILES = SIZE // TILE


def chat(dice: Dice) -> Canvas:
    """A messenger: header, message bubbles left and right, input line."""
    on_dark = dice.happens(0.25)
    ground = (24, 28, 34) if on_dark else dice.choice(CHAT_GROUNDS)
    canvas = Canvas.plain(ground)
    chat_header(canvas, dice)
    theirs = (55, 60, 70) if on_dark else (235, 235, 240) if ground == WHITE else WHITE
    mine = dice.choice([(205, 235, 255), (215, 250, 200), (60, 130, 230)])
    y = 38
    while y < 215:
        y += bubble(canvas, dice, y, mine, theirs) + dice.randint(5, 10)
    canvas.box(0, 230, SIZE, SIZE, (40, 44, 52) if on_dark else (250, 250, 250))
    field = (60, 64, 72) if on_dark else (230, 230, 235)
    canvas.rounded_box(10, 235, 210, 252, radius=8, fill=field)
    return canvas


def chat_header(canvas: Canvas, dice: Dice) -> None:
    """A bar with the other person's face and name."""
    bar = dice.choice([(70, 120, 180), (80, 130, 90), (50, 55, 65), (245, 245, 247)])
    canvas.box(0, 0, SIZE, 30, bar)
    canvas.circle(19, 15, 11, dice.vivid())
    ink = INK if is_bright(bar) else WHITE
    canvas.pen.text((40, 7), words(dice, 2).title(), ink, font("bold", 13))


def bubble(canvas: Canvas, dice: Dice, top: int, mine: Colour, theirs: Colour) -> int:
    """One message, mine at the right or theirs at the left; returns its height in pixels."""
    face, is_mine = font("sans", 13), dice.happens(0.5)
    lines = wrap(words(dice, dice.randint(1, 7)), face, 140)
    width, height = max(map(face.getlength, lines)) + 16, 16 * len(lines) + 10
    left, colour = (SIZE - width - 8, mine) if is_mine else (36, theirs)
    if not is_mine:
        canvas.circle(19, top + height - 11, 11, dice.vivid())
    canvas.rounded_box(left, top, left + width, top + height, radius=9, fill=colour)
    ink = INK if is_bright(colour) else PAPER
    for row, line in enumerate(lines):
        canvas.pen.text((left + 8, top + 4 + 16 * row), line, ink, face)
    return height


def code(dice: Dice) -> Canvas:
    """An editor on a dark ground with coloured tokens, perhaps with line numbers."""
    canvas, top = Canvas.plain(dice.choice(CODE_GROUNDS)), 8
    if dice.happens(0.6):
        canvas.box(0, 0, SIZE, 20, (60, 62, 66))
        for place, colour in enumerate(WINDOW_BUTTONS):
            canvas.circle(12 + 14 * place, 10, 4, colour)
        top = 26
    inks = [dice.colour((0, 1), 0.5, 0.9) for _ in range(4)] + [(220, 220, 220)] * 2
    size, numbered, indent = dice.choice([11, 12, 13]), dice.happens(0.6), 0
    for number, y in enumerate(range(top, SIZE, size + 4), start=1):
        x = 8.0 + 16 * indent
        if numbered:
            canvas.pen.text((4, y), f"{number:2d}", (110, 110, 110), font("mono", size))
            x += 22
        code_line(canvas, dice, x, y, size, inks)
        indent = max(0, min(4, indent + dice.choice([-1, 0, 0, 1])))
    return canvas


def code_line(
    canvas: Canvas, dice: Dice, x: float, y: float, size: int, inks: list[Colour]
) -> None:
    """One to five tokens, each in its own colour."""
    face = font("mono", size)
    for _ in range(dice.randint(1, 5)):
        token = dice.choice(CODE_TOKENS)
        canvas.pen.text((x, y), token, dice.choice(inks), face)
        x += face.getlength(token + " ")


def game(dice: Dice) -> Canvas:
    """A platform game: ground, platforms, pixel creatures, lives and a score."""
    canvas = Canvas.plain(
        dice.choice([(92, 148, 252), (20, 20, 30), (120, 200, 240), (60, 40, 80)])
    )
    ground = dice.choice([(190, 100, 40), (90, 90, 100), (110, 70, 40)])
    game_ground(canvas, dice, ground)
    for _ in range(dice.randint(2, 5)):
        column, row = dice.randint(0, N_TILES - 4), dice.randint(3, 8)
        for place in range(dice.randint(2, 4)):
            tile(canvas, column + place, row, dice.choice([(220, 170, 40), ground]), (40, 20, 10))
    for _ in range(dice.randint(2, 4)):
        creature(canvas, dice)
    for life in range(dice.randint(1, 5)):
        canvas.box(6 + 16 * life, 6, 17 + 16 * life, 16, (230, 30, 50))
    score = f"{dice.randint(0, 99999):06d}"
    canvas.pen.text((SIZE - 6, 4), score, WHITE, font("mono", 15), anchor="ra")
    return canvas


def tile(canvas: Canvas, column: int, row: int, fill: Colour, outline: Colour) -> None:
    """One square of the game's grid."""
    x, y = column * TILE, row * TILE
    canvas.box(x, y, x + TILE - 1, y + TILE - 1, fill, outline)


def game_ground(canvas: Canvas, dice: Dice, ground: Colour) -> None:
    """Columns of tiles of slowly changing height, with gaps, and a top of its own colour."""
    surface = dice.choice([(80, 190, 60), ground, (200, 200, 210)])
    top = dice.randint(10, 13)
    for column in range(N_TILES):
        if dice.happens(0.25):
            top = max(9, min(14, top + dice.choice([-1, 1])))
        if dice.happens(0.07):
            continue
        for row in range(top, N_TILES):
            tile(canvas, column, row, surface if row == top else ground, shade(ground, 0.7))


def creature(canvas: Canvas, dice: Dice) -> None:
    """A symmetric figure of 8 by 8 big pixels in one colour with white spots."""
    colour, pixel = dice.vivid(), dice.choice([4, 5, 6])
    left, top = TILE * dice.randint(0, 13), TILE * dice.randint(2, 9)
    for row in range(8):
        half = [dice.happens(0.6) for _ in range(4)]
        for column, filled in enumerate(half + half[::-1]):
            if filled:
                x, y = left + column * pixel, top + row * pixel
                fill = colour if (row + column) % 5 else PAPER
                canvas.box(x, y, x + pixel - 1, y + pixel - 1, fill)
