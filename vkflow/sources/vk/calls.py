"""A call of a method of the VK API, and its answer."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from vkflow.errors import VkflowError
from vkflow.sources.vk.pacing import Sleep

T = TypeVar("T")


def even_clock() -> Callable[[], datetime]:
    """The time as it is now, and goes on from now, whatever a clock is set to meanwhile.

    Counts that are noted ten years ahead would be the newest ones for ten years.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # the former in sleep, too
    began, at = datetime.now(UTC), time.clock_gettime(clock)
    return lambda: began + timedelta(seconds=time.clock_gettime(clock) - at)


@dataclass(frozen=True)
class Timing:
    """Time and chance, for tests to take into their own hands."""

    now: Callable[[], datetime] = field(default_factory=even_clock)
    sleep: Sleep = time.sleep
    chance: Callable[[], float] = random.random


@dataclass(frozen=True)
class Call(Generic[T]):
    """A method with its parameters, and the function that types what VK answers.

    ``shape`` raises ValueError at what is not an answer of this method.

    Attributes:
        posts: how many it may answer with; the size of an answer is reckoned by it.
        packed: methods called inside of it, as VK counts them: those of an ``execute``.
    """

    method: str
    params: Mapping[str, str | int]
    shape: Callable[[Any], T]
    posts: int = 1
    packed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What VK said, and when it was asked.

    Attributes:
        errors: of the calls inside an ``execute`` that failed, in their order.
    """

    value: T
    asked_at: datetime
    errors: tuple[VkflowError, ...] = ()
