"""Small random choices, one at a time, fast enough for millions of them."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

_BLOCK = 1 << 16


class Dice:
    """Choices from a numpy generator.

    A numpy call for every word of every post would cost minutes in a large world, so uniform
    numbers are drawn in blocks.
    """

    def __init__(self, generator: np.random.Generator) -> None:
        self._generator = generator
        self._numbers: list[float] = []

    def number(self) -> float:
        """A uniform number in [0, 1)."""
        if not self._numbers:
            self._numbers = self._generator.random(_BLOCK).tolist()
        return self._numbers.pop()

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.number() < probability

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.number() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, each as likely as another."""
        return items[int(self.number() * len(items))]

    def sample(self, items: Sequence[Item], size: int) -> list[Item]:
        """``size`` items in random order; an item repeats only once all others were used."""
        chosen: list[Item] = []
        while len(chosen) < size:
            rest = list(items)
            while rest and len(chosen) < size:
                chosen.append(rest.pop(int(self.number() * len(rest))))
        return chosen
