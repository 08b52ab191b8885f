"""How fast requests go out, how long to pause after a failure, how many a day."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from math import inf

from vkflow.sources.vk.errors import SpentError

Clock = Callable[[], float]
Sleep = Callable[[float], None]

FIRST_PAUSE_SECONDS = 1.0
MARGIN = 1.05
"""Requests that leave in step may arrive closer together."""


class TokenBucket:
    """Lets through ``rate`` requests a second, from any number of threads.

    It holds one token: with more, a burst after a rest and the refill of the same second
    would together exceed the rate.

    Args:
        rate: requests a second.
        clock: seconds, ascending.
        sleep: waits that many seconds.
    """

    def __init__(self, rate: float, clock: Clock = time.monotonic, sleep: Sleep = time.sleep):
        self._interval = MARGIN / rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = float("-inf")

    def take(self) -> None:
        """Wait until the next request may go out."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next_at)
            self._next_at = turn + self._interval
        if turn > now:
            self._sleep(turn - now)


@cache
def process_bucket(rate: float) -> TokenBucket:
    """The one bucket of this process: VK counts a token's requests, whoever sends them."""
    return TokenBucket(rate)


def pause_seconds(attempt: int, longest: float, chance: float) -> float:
    """Exponential back-off with jitter: between half of and the whole of 1, 2, 4, ... seconds.

    Args:
        attempt: how many tries have failed, from 1.
        longest: ceiling in seconds.
        chance: a random number in [0, 1), so that clients do not come back in step.
    """
    ceiling = min(longest, FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1))
    return ceiling * (0.5 + chance / 2)


class DailyBudget:
    """Calls of each method left today.

    Args:
        limits: calls a day by method; methods not named have no limit.
        today: says which day it is.
        day: the day ``spent`` belongs to.
        spent: calls made on that day, by method.
    """

    def __init__(
        self,
        limits: Mapping[str, int],
        today: Callable[[], date],
        day: date | None = None,
        spent: Mapping[str, int] | None = None,
    ) -> None:
        self._limits = limits
        self._today = today
        self._day = day or today()
        self._spent = Counter(spent or {})
        self._refused: set[str] = set()

    def left(self, method: str) -> float:
        """Calls left today; infinity without a limit."""
        self._turn_page()
        if method in self._refused:
            return 0
        return max(0, self._limits.get(method, inf) - self._spent[method])

    def spend(self, *methods: str) -> None:
        """Note calls that go out together: all of them, or none.

        Raises:
            SpentError: fewer are left.
        """
        for method, calls in Counter(methods).items():
            if self.left(method) < calls:
                raise SpentError(method)
        self._spent.update(methods)

    def give_back(self, *methods: str) -> None:
        """Calls that VK did not make, since it refused the request they were in."""
        self._spent.subtract(methods)

    def refuse(self, method: str) -> None:
        """VK itself says that no call is left today, whatever was counted here."""
        self._turn_page()
        self._refused.add(method)
        self._spent[method] = self._limits.get(method, self._spent[method])

    def state(self) -> tuple[date, dict[str, int]]:
        """The day and its calls by method, for the next run of the same day to go on from."""
        self._turn_page()
        return self._day, {name: self._spent[name] for name in self._limits if self._spent[name]}

    def _turn_page(self) -> None:
        if self._today() != self._day:
            self._day = self._today()
            self._spent.clear()
            self._refused.clear()
