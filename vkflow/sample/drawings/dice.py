"""The only source of chance in a drawing, with colours as one of its outcomes."""

import colorsys
from random import Random

Colour = tuple[int, int, int]
"""Red, green and blue from 0 to 255."""

Span = tuple[float, float] | float
"""A range to draw from uniformly, or a fixed value."""

WHITE: Colour = (255, 255, 255)
PAPER: Colour = (245, 245, 245)
INK: Colour = (20, 20, 25)


class Dice(Random):
    """Python's generator plus the throws that drawings need.

    Seed it with a string: Python hashes that with SHA-512, so the throws are the same in every
    process, whatever PYTHONHASHSEED says.
    """

    def happens(self, probability: float) -> bool:
        """Whether an event of this probability (0 to 1) takes place."""
        return self.random() < probability

    def within(self, span: Span) -> float:
        """A number drawn uniformly from a range; a fixed value stays what it is."""
        return self.uniform(*span) if isinstance(span, tuple) else span

    def colour(self, hue: Span, saturation: Span, value: Span) -> Colour:
        """A colour whose hue, saturation and value (each 0 to 1) lie in the given ranges."""
        return from_hsv(self.within(hue), self.within(saturation), self.within(value))

    def light(self) -> Colour:
        """A pale colour, good as a background under dark text."""
        return self.colour((0, 1), (0, 0.35), (0.8, 1))

    def dark(self) -> Colour:
        """A deep colour, good as a background under white text."""
        return self.colour((0, 1), (0, 0.9), (0.03, 0.35))

    def vivid(self) -> Colour:
        """A saturated colour of any hue."""
        return self.colour((0, 1), (0.6, 1), (0.6, 1))

    def grey(self, low: int, high: int) -> Colour:
        """A grey whose level (0 to 255) lies between two levels, both included."""
        level = self.randint(low, high)
        return level, level, level

    def near(self, colour: Colour, spread: int = 18) -> Colour:
        """A colour at most `spread` levels away from another one, in each channel."""
        red, green, blue = (clip(level + self.randint(-spread, spread)) for level in colour)
        return red, green, blue


def from_hsv(hue: float, saturation: float, value: float) -> Colour:
    """The colour with this hue (wraps around at 1), saturation and value (0 to 1)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return int(255 * red), int(255 * green), int(255 * blue)


def clip(level: float) -> int:
    """A channel level forced into 0 to 255."""
    return max(0, min(255, int(level)))


def shade(colour: Colour, factor: float) -> Colour:
    """The colour with every channel multiplied: below 1 darker, above 1 lighter."""
    red, green, blue = (clip(level * factor) for level in colour)
    return red, green, blue


def is_bright(colour: Colour) -> bool:
    """Whether dark ink is easier to read on this colour than white ink."""
    return sum(colour) > 380
