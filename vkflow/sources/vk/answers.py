"""From the bytes of an HTTP answer to what VK says in it."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from vkflow.errors import VkflowError
from vkflow.sources.vk.errors import UnavailableError, error_of

PAYLOAD_CHARACTERS = 500
MESSAGE_CHARACTERS = 200
ESCAPED = re.compile(rb"(\\\\|\\u0022|\\u005[cC])|\\u00([2-7][0-9a-fA-F])")
"""Escaped characters of ASCII; behind two backslashes there is none."""


def without_token(body: bytes, token: str) -> bytes:
    """The body of an answer with the token cut out, also where JSON escapes its characters."""
    if b"\\u" in body:
        body = ESCAPED.sub(lambda found: found[1] or bytes.fromhex(found[2].decode()), body)
    return body.replace(token.encode(), b"***")


@dataclass(frozen=True)
class Decoded:
    """What VK put into an answer.

    Attributes:
        response: its ``response``.
        errors: its ``execute_errors``: of each call in an ``execute`` that failed.
    """

    response: Any
    errors: tuple[VkflowError, ...] = ()


def answered(
    method: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> Decoded:
    """What VK says in an answer.

    Args:
        method: such as ``wall.get``.
        status: the HTTP status.
        headers: of the answer, names in lower case or case-insensitive.
        body: the JSON, free of the token.
        now: the present, for a ``Retry-After`` that is a date.

    Raises:
        VkflowError: the answer is an error of VK, or none that can be understood.
    """
    if status != 200:
        wait = retry_after(headers.get("retry-after"), now)
        reason = f"{method}: HTTP {status} instead of an answer"
        raise UnavailableError(reason, wait, maybe_too_large=status >= 500)
    answer = _parsed(method, body)
    if "error" in answer:
        raise _error(method, answer["error"])
    if "response" not in answer:
        raise UnavailableError(f"{method}: neither response nor error in the answer")
    inner = answer.get("execute_errors")
    errors = inner if isinstance(inner, list) else []
    return Decoded(answer["response"], tuple(_inner_error(each) for each in errors))


def _parsed(method: str, body: bytes) -> dict[str, Any]:
    answer = None
    with suppress(ValueError, RecursionError):
        answer = json.loads(body)
    if not isinstance(answer, dict):
        raise UnavailableError(f"{method}: the answer is not a JSON object")
    return answer


def _error(method: str, error: Any) -> VkflowError:
    code = error.get("error_code") if isinstance(error, dict) else None
    if not isinstance(code, int) or isinstance(code, bool):
        return UnavailableError(f"{method}: an error without a code")
    message, subcode = error.get("error_msg"), error.get("error_subcode")
    text = cut(message) if isinstance(message, str) else ""
    return error_of(method, code, text, subcode if isinstance(subcode, int) else None)


def _inner_error(error: Any) -> VkflowError:
    method = error.get("method") if isinstance(error, dict) else None
    return _error(cut(method) if isinstance(method, str) else "execute", error)


def retry_after(value: str | None, now: datetime) -> float:
    """Seconds a ``Retry-After`` header asks for (a number or a date, RFC 9110); 0: nothing."""
    if not value:
        return 0
    try:
        return max(0.0, float(value)) if value.strip().isdigit() else _until(value, now)
    except (ValueError, TypeError):
        return 0


def _until(value: str, now: datetime) -> float:
    return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())


def cut(message: str) -> str:
    """A message of VK, fit for a log line."""
    return clean(" ".join(message.split()))[:MESSAGE_CHARACTERS]


def clean(text: str) -> str:
    """Text any table takes: without NUL, halves of surrogate pairs replaced."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def payload(value: Any) -> str:
    """JSON of what came, cut to what helps a person to find it."""
    try:
        return clean(json.dumps(value, ensure_ascii=False))[:PAYLOAD_CHARACTERS]
    except (ValueError, RecursionError):
        return "nested too deeply to show"
