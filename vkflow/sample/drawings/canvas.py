"""A square picture and a pen that thinks in centres and radii."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from vkflow.sample.drawings.dice import Colour

SIZE = 256
"""Width and height of every drawing, in pixels."""

CENTRE = SIZE // 2

Point = tuple[float, float]


@dataclass
class Canvas:
    """A drawing under way. Coordinates are pixels from the upper left corner."""

    image: Image.Image
    pen: ImageDraw.ImageDraw = field(init=False)

    def __post_init__(self) -> None:
        self.pen = ImageDraw.Draw(self.image)

    @classmethod
    def plain(cls, colour: Colour) -> "Canvas":
        """A canvas of one colour."""
        return cls(Image.new("RGB", (SIZE, SIZE), colour))

    @classmethod
    def gradient(cls, top: Colour, bottom: Colour) -> "Canvas":
        """A canvas that fades from one colour at the top to another at the bottom."""
        column = np.linspace(top, bottom, SIZE).astype(np.uint8)
        return cls(Image.fromarray(np.repeat(column[:, None, :], SIZE, axis=1)))

    def ellipse(
        self,
        x: float,
        y: float,
        radius_x: float,
        radius_y: float,
        fill: Colour | None = None,
        outline: Colour | None = None,
        width: int = 1,
    ) -> None:
        """An ellipse around (x, y)."""
        self.pen.ellipse(around(x, y, radius_x, radius_y), fill, outline, width)

    def circle(
        self,
        x: float,
        y: float,
        radius: float,
        fill: Colour | None = None,
        outline: Colour | None = None,
        width: int = 1,
    ) -> None:
        """A circle around (x, y)."""
        self.ellipse(x, y, radius, radius, fill, outline, width)

    def arc(
        self,
        centre: Point,
        radii: Point,
        degrees: Point,
        colour: Colour,
        width: int,
    ) -> None:
        """Part of an ellipse's outline, from one angle to another, clockwise from the right."""
        self.pen.arc(around(*centre, *radii), *degrees, colour, width)

    def slice(self, centre: Point, radii: Point, degrees: Point, colour: Colour) -> None:
        """A slice of an ellipse, from one angle to another, clockwise from the right."""
        self.pen.pieslice(around(*centre, *radii), *degrees, colour)

    def box(
        self,
        left: float,
        top: float,
        right: float,
        bottom: float,
        fill: Colour | None = None,
        outline: Colour | None = None,
        width: int = 1,
    ) -> None:
        """A rectangle."""
        self.pen.rectangle((left, top, right, bottom), fill, outline, width)

    def rounded_box(
        self, left: float, top: float, right: float, bottom: float, radius: float, fill: Colour
    ) -> None:
        """A filled rectangle with round corners."""
        self.pen.rounded_rectangle((left, top, right, bottom), int(radius), fill)

    def polygon(self, points: Sequence[Point], fill: Colour) -> None:
        """A filled polygon."""
        self.pen.polygon(points, fill)

    def line(self, points: Sequence[Point], colour: Colour, width: int = 1) -> None:
        """A line through all the points, with round joints."""
        self.pen.line(points, colour, width, joint="curve")

    def star(
        self, x: float, y: float, radii: Point, fill: Colour, n_points: int, turn: float = 0.0
    ) -> None:
        """A star with `n_points` tips between two radii (inner, outer), turned by radians."""
        angles = (turn + tip * math.pi / n_points for tip in range(2 * n_points))
        corners = [on_circle(x, y, radii[tip % 2], angle) for tip, angle in enumerate(angles)]
        self.polygon(corners, fill)

    def glow(self, light: "Canvas", blur: float) -> None:
        """Add the light of another canvas, blurred over `blur` pixels, to this one."""
        halo = np.asarray(light.image.filter(ImageFilter.BoxBlur(blur)), np.int16)
        lit = np.minimum(255, np.asarray(self.image, np.int16) + halo).astype(np.uint8)
        self.image.paste(Image.fromarray(lit))


def around(x: float, y: float, radius_x: float, radius_y: float) -> tuple[float, ...]:
    """The box (left, top, right, bottom) of an ellipse."""
    return x - radius_x, y - radius_y, x + radius_x, y + radius_y


def on_circle(x: float, y: float, radius: float, angle: float) -> Point:
    """The point of a circle around (x, y) at an angle in radians."""
    return x + radius * math.cos(angle), y + radius * math.sin(angle)
