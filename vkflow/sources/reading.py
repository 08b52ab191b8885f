"""Reading an HTTP answer of somebody else's server: never longer, never larger than agreed."""

import time
from collections.abc import Iterable

MEBIBYTE = 2**20


class TooSlowError(Exception):
    """The whole answer took longer than agreed."""


class TooManyBytesError(Exception):
    """The answer is larger than agreed."""


def read_within(
    pieces: Iterable[bytes], *, max_bytes: int, deadline: float, seconds: float
) -> bytes:
    """Join the pieces of an answer.

    Args:
        pieces: as they come; each wait for one must have a time-out of its own.
        max_bytes: more than this is refused.
        deadline: on the clock ``time.monotonic``; a server that sends a byte now and then would
            never run into the time-out of a single piece.
        seconds: how long the whole was allowed to take, for the message.

    Raises:
        TooManyBytesError: it is larger than ``max_bytes``.
        TooSlowError: it is not whole at the deadline.
    """
    content = bytearray()
    for piece in pieces:
        content += piece
        if len(content) > max_bytes:
            raise TooManyBytesError(f"the answer has more than {max_bytes / MEBIBYTE:.0f} MiB")
        if time.monotonic() > deadline:
            raise TooSlowError(f"the answer took longer than {seconds:g} seconds")
    return bytes(content)
