"""Several calls in one request, through VK's ``execute``: as many as an answer can hold."""

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from vkflow.sources.vk.calls import Answer, Call
from vkflow.sources.vk.errors import (
    OwnerError,
    SpentError,
    TooLargeError,
    UnavailableError,
    VkTokenError,
    WallError,
)
from vkflow.sources.vk.pacing import DailyBudget

T = TypeVar("T")
Packed = Answer[T] | WallError | None
"""What came of a packed call; ``None``: it must be made by itself, and then tells why."""

CALLS_IN_EXECUTE = 25
POSTS_IN_EXECUTE = 400
"""An answer holds 5 MB, and a post takes 11 kB on average, counted in 2025."""


class Packer:
    """Packs calls, and remembers which size VK was able to answer.

    Args:
        ask: makes a call, without another try where a smaller one may do better.
        budget: calls left today.
    """

    def __init__(
        self, ask: Callable[[Call[list[Any]]], Answer[list[Any]]], budget: DailyBudget
    ) -> None:
        self._ask = ask
        self._budget = budget
        self._max_posts = POSTS_IN_EXECUTE
        self._can_pack = True

    def pack(self, calls: Sequence[Call[T]]) -> list[Packed[T]]:
        """Ask several things of one method in few requests, if the token may.

        Returns:
            In the order of the calls.
        """
        answers: list[Packed[T]] = []
        while len(answers) < len(calls):
            some = self._fitting(calls[len(answers) :])
            answers += self._execute(some)
        return answers

    def _fitting(self, calls: Sequence[Call[T]]) -> Sequence[Call[T]]:
        posts = 0
        for number, call in enumerate(calls[:CALLS_IN_EXECUTE]):
            posts += call.posts
            if number > 0 and posts > self._max_posts:
                return calls[:number]
        return calls[:CALLS_IN_EXECUTE]

    def _execute(self, calls: Sequence[Call[T]]) -> Sequence[Packed[T]]:
        """Answers to the calls; none at all when fewer are to be tried."""
        nothing: list[Packed[T]] = [None] * len(calls)
        if not self._can_pack or len(calls) < 2:
            return nothing
        methods = tuple(call.method for call in calls)
        execute = Call("execute", {"code": _script(calls)}, _list_of(len(calls)), packed=methods)
        try:
            answer = self._ask(execute)
        except TooLargeError:
            return self._halved(calls)
        except UnavailableError as error:
            is_asked_to_wait = error.wait_seconds > 0
            may_help = error.maybe_too_large and not is_asked_to_wait
            return self._halved(calls) if may_help else nothing
        except SpentError:
            return nothing
        except (OwnerError, VkTokenError) as error:
            if isinstance(error, VkTokenError) and not error.is_of_method:
                raise
            self._budget.give_back(*methods)
            self._can_pack = False
            return nothing
        return self._read(calls, answer)

    def _halved(self, calls: Sequence[Call[T]]) -> Sequence[Packed[T]]:
        self._max_posts = sum(call.posts for call in calls) // 2
        return [None] * len(calls) if len(calls) <= 2 else []

    def _read(self, calls: Sequence[Call[T]], answer: Answer[list[Any]]) -> list[Packed[T]]:
        """Values in their types; VK writes false for a call that failed, and tells why apart."""
        failed = [place for place, value in enumerate(answer.value) if value is False]
        is_complete = len(failed) == len(answer.errors)
        errors = dict(zip(failed, answer.errors, strict=True)) if is_complete else {}
        for error in errors.values():
            if isinstance(error, SpentError):
                self._budget.refuse(error.method)
        return [
            _known(errors[place]) if place in errors else _shaped(call, value, answer)
            for place, (call, value) in enumerate(zip(calls, answer.value, strict=True))
        ]


def _known(error: Exception) -> WallError | None:
    """An error that another try would only repeat."""
    return error if isinstance(error, OwnerError | SpentError) else None


def _shaped(call: Call[T], value: Any, answer: Answer[list[Any]]) -> Answer[T] | None:
    try:
        return Answer(call.shape(value), answer.asked_at)
    except ValueError:
        return None


def _script(calls: Sequence[Call[T]]) -> str:
    parts = (f"API.{call.method}({json.dumps(dict(call.params))})" for call in calls)
    return f"return [{', '.join(parts)}];"


def _list_of(length: int) -> Callable[[Any], list[Any]]:
    def shape(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) != length:
            raise ValueError
        return value

    return shape
