"""The VK API over HTTPS: paced, counted, retried, and silent about its token."""

import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from vkflow.settings.sources import VkSettings
from vkflow.sources.deadlines import (
    LoopThread,
    TooManyBytesError,
    read_at_most,
    trusted_certificates,
)
from vkflow.sources.vk.answers import answered, cut, without_token
from vkflow.sources.vk.calls import Answer, Call, Timing
from vkflow.sources.vk.errors import (
    KINDS,
    SpentError,
    TooLargeError,
    UnavailableError,
    VkTokenError,
)
from vkflow.sources.vk.pacing import DailyBudget, pause_seconds, process_bucket
from vkflow.sources.vk.packing import Packed, Packer
from vkflow.sources.vk.tokens import KeepToken, Tokens, token_of

T = TypeVar("T")
logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 32 * 2**20
"""VK sends up to 5 MB packed, a multiple of it unpacked."""

LONGEST_RETRY_AFTER_SECONDS = 300.0
PATIENT_FAILURES = 3
"""After so many requests without an answer in a row, the next ones get a single try each."""


class VkClient:
    """Calls methods of the VK API; use it as a context manager.

    Args:
        settings: token, address, pace and patience.
        budget: calls left today.
        timing: replaced in tests.
        keep: where a renewed token goes; without it none is renewed, since the old one is void.

    Raises:
        SettingsError: there is no token.
    """

    def __init__(
        self,
        settings: VkSettings,
        budget: DailyBudget,
        timing: Timing | None = None,
        keep: KeepToken | None = None,
    ) -> None:
        self._settings = settings
        self._tokens = Tokens.read(token_of(settings))
        self._keep = keep
        self._budget = budget
        self._timing = timing or Timing()
        self._bucket = process_bucket(settings.requests_per_second)
        self._failures = 0
        self._packer = Packer(lambda call: self.call(call, is_shrinkable=True), budget)
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

    def call(self, call: Call[T], *, is_shrinkable: bool = False) -> Answer[T]:
        """Ask VK, again after a pause where that may help.

        Args:
            call: what to ask.
            is_shrinkable: the caller would rather ask for less than for the same again.

        Raises:
            UnavailableError: no proper answer in all tries.
            OwnerError, TooLargeError, SpentError, VkTokenError: as VK says.
        """
        tries = self._settings.attempts if self._failures < PATIENT_FAILURES else 1
        for attempt in range(1, tries + 1):
            try:
                answer = self._ask_renewing(call)
            except UnavailableError as error:
                if is_shrinkable and error.maybe_too_large and not error.wait_seconds:
                    self._pause(1, 0)
                    raise
                if attempt == tries or error.wait_seconds > LONGEST_RETRY_AFTER_SECONDS:
                    self._failures += 1
                    raise
                self._pause(attempt, error.wait_seconds)
            else:
                self._failures = 0
                return answer
        raise AssertionError("there is at least one try")

    def pack(self, calls: Sequence[Call[T]]) -> list[Packed[T]]:
        """Ask several things of one method in few requests, if the token may."""
        return self._packer.pack(calls)

    def _ask_renewing(self, call: Call[T]) -> Answer[T]:
        """Ask; with another token if this one has expired and can be renewed."""
        if not self._tokens.access:
            self._renew()
        try:
            return self._ask(call)
        except VkTokenError as error:
            if not error.is_expired or not self._tokens.refresh:
                raise
            expired = error
        self._renew(expired)
        return self._ask(call)

    def _ask(self, call: Call[T]) -> Answer[T]:
        self._budget.spend(call.method, *call.packed)
        self._bucket.take()
        asked_at = self._timing.now()
        form = {**call.params, "v": self._settings.api_version, "access_token": self._tokens.access}
        url = f"{self._settings.api_url}/method/{call.method}"
        status, headers, body = self._exchange(call.method, url, form)
        for word in self._tokens.words():
            body = without_token(body, word)
        try:
            answer = answered(call.method, status, headers, body, self._timing.now())
            return Answer(call.shape(answer.response), asked_at, answer.errors)
        except SpentError:
            self._budget.refuse(call.method)
            raise
        except ValueError:
            raise UnavailableError(f"{call.method}: an answer of the wrong shape") from None

    def _renew(self, expired: VkTokenError | None = None) -> None:
        """Put a new pair of tokens in the place of the old one, here and where it is kept."""
        if self._keep is None:
            raise expired or VkTokenError(f"there is no access token. {KINDS}", 5)
        url = f"{self._settings.id_url}/oauth2/auth"
        status, _, body = self._exchange("VK ID", url, self._tokens.form())
        tokens = None
        with suppress(ValueError, RecursionError):
            tokens = self._tokens.renewed(json.loads(body))
        if tokens is None:
            raise VkTokenError(
                f"VK ID gave no new token (HTTP {status}): the refresh token was used elsewhere, "
                "or has expired. Sign in anew, and put both tokens into the Secret block",
                5,
            )
        kept = self._keep(self._tokens.secret(), tokens.secret())
        self._tokens = tokens
        if not kept:
            logger.warning("the renewed VK token could not be kept: the next night needs a new one")

    def _exchange(
        self, method: str, url: str, form: dict[str, Any]
    ) -> tuple[int, httpx.Headers, bytes]:
        """Send a request and read the whole answer; what goes wrong names no token."""
        seconds = self._settings.timeout_seconds
        try:
            return self._loop.run(self._send(url, form), seconds)
        except TooManyBytesError as error:
            problem: Exception = TooLargeError(f"{method}: {error}")
        except TimeoutError:
            described = f"{method}: no whole answer in {seconds:g} seconds"
            problem = UnavailableError(described, maybe_too_large=True)
        except httpx.HTTPError as error:
            described = str(error)
            for word in self._tokens.words():
                described = described.replace(word, "***")
            problem = UnavailableError(
                f"{method}: no answer: {cut(described) or type(error).__name__}"
            )
        # Raised out here, so that it carries no reference to the request with the token.
        raise problem

    async def _send(self, url: str, form: dict[str, Any]) -> tuple[int, httpx.Headers, bytes]:
        """The token goes into the body: addresses are logged by httpx, proxies and servers."""
        async with self._http.stream("POST", url, data=form) as response:
            body = await read_at_most(MAX_ANSWER_BYTES, response.aiter_bytes())
            return response.status_code, response.headers, body

    def _pause(self, attempt: int, at_least: float) -> None:
        ceiling = self._settings.longest_wait_seconds
        pause = pause_seconds(attempt, ceiling, self._timing.chance())
        self._timing.sleep(max(pause, at_least))
