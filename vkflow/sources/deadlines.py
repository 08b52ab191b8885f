"""Waiting for somebody else's server: never longer, and for no more bytes, than agreed.

The time-outs of an HTTP client start anew with every byte that comes, so a server that sends one
now and then can hold it for hours. On an event loop a whole exchange can be given a deadline.
"""

import asyncio
import ssl
from collections.abc import AsyncIterable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

T = TypeVar("T")

MEBIBYTE = 2**20


@cache
def trusted_certificates() -> ssl.SSLContext:
    """The authorities everybody trusts, read once: that takes a while."""
    return httpx.create_ssl_context()


class TooManyBytesError(Exception):
    """An answer is larger than agreed."""


class LoopThread:
    """An event loop in a thread of its own, since the caller's thread may have one running."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")

    def run(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        """Do ``work`` and wait for its result.

        Args:
            work: the coroutine.
            seconds: it is cancelled after this time; ``None``: it sees to that itself.

        Raises:
            TimeoutError: it took longer.
        """
        return self._thread.submit(self._runner.run, _within(seconds, work)).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


async def _within(seconds: float | None, work: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(seconds):
        return await work


async def read_at_most(max_bytes: int, pieces: AsyncIterable[bytes]) -> bytes:
    """Join the pieces of an answer.

    Raises:
        TooManyBytesError: there are more bytes than ``max_bytes``.
    """
    content = bytearray()
    async for piece in pieces:
        content += piece
        if len(content) > max_bytes:
            raise TooManyBytesError(f"the answer has more than {max_bytes / MEBIBYTE:.1f} MiB")
    return bytes(content)
