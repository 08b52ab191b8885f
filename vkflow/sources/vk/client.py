"""The VK API over HTTPS: paced, counted, retried, and silent about its token."""

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import httpx
from pydantic import SecretStr

from vkflow.errors import SettingsError
from vkflow.sections import VkSettings
from vkflow.sources.deadlines import (
    LoopThread,
    TooManyBytesError,
    read_at_most,
    trusted_certificates,
)
from vkflow.sources.vk.answers import answered, cut, without_token
from vkflow.sources.vk.errors import (
    OwnerError,
    SpentError,
    TooLargeError,
    UnavailableError,
    VkTokenError,
)
from vkflow.sources.vk.pacing import DailyBudget, Sleep, pause_seconds, process_bucket

T = TypeVar("T")

MAX_ANSWER_BYTES = 32 * 2**20
"""VK sends up to 5 MB packed, a multiple of it unpacked."""

LONGEST_RETRY_AFTER_SECONDS = 300.0
CALLS_IN_EXECUTE = 25
PATIENT_FAILURES = 3
"""After so many requests without an answer in a row, the next ones get a single try each."""

EXECUTE_REFUSED = (8, 23, 27, 28, 100)


@dataclass(frozen=True)
class Timing:
    """Time and chance, for tests to take into their own hands."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    sleep: Sleep = time.sleep
    chance: Callable[[], float] = random.random


@dataclass(frozen=True)
class Call(Generic[T]):
    """A method with its parameters, and the function that types what VK answers.

    ``shape`` raises ValueError at what is not an answer of this method.
    """

    method: str
    params: Mapping[str, str | int]
    shape: Callable[[Any], T]


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What VK said, and when it was asked."""

    value: T
    asked_at: datetime


def token_of(settings: VkSettings) -> SecretStr:
    """The token.

    Raises:
        SettingsError: there is none.
    """
    if settings.token is None or not settings.token.get_secret_value().strip():
        raise SettingsError(
            "source = vk needs a token: set VKFLOW_VK__TOKEN to a user token, or to the service "
            "token of an application (https://id.vk.com/about/business/go); in a deployment the "
            "Prefect Secret block vkflow-vk-token will do"
        )
    return settings.token


class VkClient:
    """Calls methods of the VK API; use it as a context manager.

    Args:
        settings: token, address, pace and patience.
        budget: calls left today.
        timing: replaced in tests.

    Raises:
        SettingsError: there is no token.
    """

    def __init__(
        self, settings: VkSettings, budget: DailyBudget, timing: Timing | None = None
    ) -> None:
        self._settings = settings
        self._token = token_of(settings)
        self._budget = budget
        self._timing = timing or Timing()
        self._bucket = process_bucket(settings.requests_per_second)
        self._failures = 0
        self._can_pack = True
        self._loop = LoopThread()
        self._http = httpx.AsyncClient(
            timeout=settings.timeout_seconds,
            follow_redirects=False,
            verify=trusted_certificates(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._loop:
            self._loop.run(self._http.aclose())

    def call(self, call: Call[T]) -> Answer[T]:
        """Ask VK, again after a pause where that may help.

        Raises:
            UnavailableError: no proper answer in all tries.
            OwnerError, TooLargeError, SpentError, VkTokenError: as VK says.
        """
        tries = self._settings.attempts if self._failures < PATIENT_FAILURES else 1
        for attempt in range(1, tries + 1):
            try:
                answer = self._ask(call)
            except UnavailableError as error:
                if attempt == tries or error.wait_seconds > LONGEST_RETRY_AFTER_SECONDS:
                    self._failures += 1
                    raise
                self._pause(attempt, error.wait_seconds)
            else:
                self._failures = 0
                return answer
        raise AssertionError("there is at least one try")

    def pack(self, calls: Sequence[Call[T]]) -> list[Answer[T] | None]:
        """Ask several things in few requests, through VK's ``execute``, if the token may.

        Args:
            calls: of one method.

        Returns:
            In the order of the calls; ``None`` where a call must be made by itself, because
            packing is not possible or because this one failed: it then tells why.
        """
        answers: list[Answer[T] | None] = []
        for start in range(0, len(calls), CALLS_IN_EXECUTE):
            answers += self._execute(calls[start : start + CALLS_IN_EXECUTE])
        return answers

    def _execute(self, calls: Sequence[Call[T]]) -> list[Answer[T] | None]:
        nothing: list[Answer[T] | None] = [None] * len(calls)
        if not self._can_pack or len(calls) < 2 or self._budget.left(calls[0].method) < len(calls):
            return nothing
        for call in calls:
            self._budget.spend(call.method)
        try:
            answer = self.call(Call("execute", {"code": _script(calls)}, _list_of(len(calls))))
        except TooLargeError:
            half = len(calls) // 2
            return self._execute(calls[:half]) + self._execute(calls[half:])
        except VkTokenError as error:
            if error.code not in EXECUTE_REFUSED:
                raise
            self._can_pack = False
            return nothing
        except (OwnerError, UnavailableError, SpentError):
            return nothing
        return [
            _shaped(call, value, answer.asked_at)
            for call, value in zip(calls, answer.value, strict=True)
        ]

    def _ask(self, call: Call[T]) -> Answer[T]:
        self._budget.spend(call.method)
        self._bucket.take()
        asked_at = self._timing.now()
        status, headers, body = self._exchange(call)
        try:
            value = answered(call.method, status, headers, body, self._timing.now())
            return Answer(call.shape(value), asked_at)
        except SpentError:
            self._budget.refuse(call.method)
            raise
        except ValueError:
            raise UnavailableError(f"{call.method}: an answer of the wrong shape") from None

    def _exchange(self, call: Call[T]) -> tuple[int, httpx.Headers, bytes]:
        """Send a request and read the whole answer, the token cut out wherever it is echoed."""
        token, seconds = self._token.get_secret_value().strip(), self._settings.timeout_seconds
        try:
            status, headers, body = self._loop.run(self._send(call, token), seconds)
            return status, headers, without_token(body, token)
        except TooManyBytesError as error:
            problem: Exception = TooLargeError(f"{call.method}: {error}")
        except TimeoutError:
            problem = UnavailableError(f"{call.method}: no whole answer in {seconds:g} seconds")
        except httpx.HTTPError as error:
            said = cut(str(error).replace(token, "***")) or type(error).__name__
            problem = UnavailableError(f"{call.method}: no answer: {said}")
        # Raised out here, so that it carries no reference to the request with the token.
        raise problem

    async def _send(self, call: Call[T], token: str) -> tuple[int, httpx.Headers, bytes]:
        """The token goes into the body: addresses are logged by httpx, proxies and servers."""
        form = {**call.params, "v": self._settings.api_version, "access_token": token}
        url = f"{self._settings.api_url}/method/{call.method}"
        async with self._http.stream("POST", url, data=form) as response:
            body = await read_at_most(MAX_ANSWER_BYTES, response.aiter_bytes())
            return response.status_code, response.headers, body

    def _pause(self, attempt: int, at_least: float) -> None:
        ceiling = self._settings.longest_wait_seconds
        pause = pause_seconds(attempt, ceiling, self._timing.chance())
        self._timing.sleep(max(pause, at_least))


def _script(calls: Sequence[Call[T]]) -> str:
    parts = (f"API.{call.method}({json.dumps(dict(call.params))})" for call in calls)
    return f"return [{', '.join(parts)}];"


def _list_of(length: int) -> Callable[[Any], list[Any]]:
    def shape(value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) != length:
            raise ValueError
        return value

    return shape


def _shaped(call: Call[T], value: Any, asked_at: datetime) -> Answer[T] | None:
    try:
        return Answer(call.shape(value), asked_at)
    except ValueError:
        return None
