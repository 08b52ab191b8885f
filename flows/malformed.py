"""What no client of Prefect sends is refused in a line, and not answered by a traceback.

Prefect takes the first message of a web socket for JSON before it has asked for a password, and
gives every character of an address or a body to its database, which holds neither U+0000
(PostgreSQL) nor half a character, nor a number beyond 64 bits: the one who sent it was told 503 or
500, as if the server were at fault, and Prefect's own client asked again and again.

What runs tell of themselves (states, logs, artifacts, events) is taken all the same, with such
characters written out, as they are in logs: a run whose error has one could not say that it failed,
and would stand there as running for ever.
"""

import json
import logging
import re
from contextlib import suppress
from math import isfinite
from urllib.parse import unquote

from flows.authentication import is_signed_in
from flows.guard import Application, Message, Receive, Scope, Send
from vkflow.printing import printable

logger = logging.getLogger(__name__)

API = "/api/"
NO_TEXT = re.compile("[\0\ud800-\udfff]")
IS_NO_TEXT = "U+0000, or half a character, is no text: remove it."
IS_NO_NUMBER = "Infinity, NaN, or an integer beyond 2^53, is no number that can be kept here."
IS_TOO_DEEP = "This is nested deeper than anything here."
MAX_DEPTH = 100
LARGEST_INTEGER = 2**53
"""A browser holds no larger ones, and the database has to multiply those of pages."""

OF_RUNS = re.compile(
    r"/api/(logs/?|artifacts/?([0-9a-f-]{36})?|(flow|task)_runs/[0-9a-f-]{36}(/set_state)?)"
)
"""Where runs tell of themselves."""

MAX_BODY_BYTES = 2**24
UNPROCESSABLE = 422
NOT_UNDERSTOOD = 1003
SHOWN_CHARACTERS = 100


class RefuseMalformed:
    """An ASGI application in front of another one.

    Args:
        application: the other one.
        auth_string: user and password, with a colon between them. What others send is passed on
            unread, for Prefect to ask them to sign in.
    """

    def __init__(self, application: Application, auth_string: str) -> None:
        self._application, self._auth_string = application, auth_string

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        is_socket = scope["type"] == "websocket"
        if is_socket and _is_no_address(scope):
            await send({"type": "websocket.close", "code": NOT_UNDERSTOOD})
        elif is_socket:
            await self._talk(scope, receive, send)
        elif scope["type"] == "http" and _is_no_address(scope):
            await _refuse(send, IS_NO_TEXT)
        elif self._is_to_be_read(scope):
            await self._answer(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    def _is_to_be_read(self, scope: Scope) -> bool:
        has_body = scope["type"] == "http" and scope["path"].startswith(API)
        return has_body and is_signed_in(scope["headers"], self._auth_string)

    async def _talk(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Close a web socket whose messages are none, and say so in one line of the log."""

        async def receive_text() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive":
                return message
            problem = _problem(message.get("text") or "")
            if message.get("text") is None or problem in (IS_NO_NUMBER, IS_TOO_DEEP):
                await send({"type": "websocket.close", "code": NOT_UNDERSTOOD})
                return {"type": "websocket.disconnect", "code": NOT_UNDERSTOOD}
            if problem:
                return {**message, "text": _written_out(message["text"])}
            return message

        try:
            await self._application(scope, receive_text, send)
        except Exception as error:  # of any kind: it depends on what a stranger has sent
            logger.warning(
                "a web socket at %s was closed, its messages could not be read: %s",
                printable(scope["path"])[:SHOWN_CHARACTERS],
                type(error).__name__,
            )
            with suppress(RuntimeError):  # it is closed already
                await send({"type": "websocket.close", "code": NOT_UNDERSTOOD})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        messages = await _whole(receive)
        body = b"".join(message.get("body", b"") for message in messages)
        if len(body) > MAX_BODY_BYTES:
            return await _refuse(
                send, f"More than {MAX_BODY_BYTES >> 20} MiB, which nothing here takes."
            )
        if problem := _problem(body):
            if problem != IS_NO_TEXT or not OF_RUNS.fullmatch(scope["path"]):
                return await _refuse(send, problem)
            messages = [{"type": "http.request", "body": _written_out(body).encode()}]
        waiting = iter(messages)

        async def receive_again() -> Message:
            return next(waiting, None) or await receive()

        await self._application(scope, receive_again, send)


def _is_no_address(scope: Scope) -> bool:
    asked = unquote(scope["query_string"].decode("latin-1"))
    return NO_TEXT.search(scope["path"] + asked) is not None


async def _whole(receive: Receive) -> list[Message]:
    """The messages of a body, until it is longer than any may be."""
    messages: list[Message] = []
    size = 0
    while size <= MAX_BODY_BYTES:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    return messages


def _written_out(content: str | bytes) -> str:
    """The same JSON, with what is no text in it written as Python would."""

    def written(value: object) -> object:
        if isinstance(value, str):
            return NO_TEXT.sub(lambda found: ascii(found[0])[1:-1], value)
        if isinstance(value, dict):
            return {written(name): written(each) for name, each in value.items()}
        return [*map(written, value)] if isinstance(value, list) else value

    return json.dumps(written(json.loads(content)))


def _problem(content: str | bytes) -> str | None:
    """What Prefect would fail at; of what is no JSON it says so itself."""
    try:
        waiting = [(json.loads(content), 0)]
    except ValueError:
        return None
    except RecursionError:
        return IS_TOO_DEEP
    found = None
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            found = IS_NO_TEXT if NO_TEXT.search(value) else found
        elif _is_no_number(value):
            return IS_NO_NUMBER
        elif isinstance(value, dict | list):
            if depth == MAX_DEPTH:
                return IS_TOO_DEEP
            inside = [*value, *value.values()] if isinstance(value, dict) else value
            waiting += [(each, depth + 1) for each in inside]
    return found


def _is_no_number(value: object) -> bool:
    if isinstance(value, int):
        return abs(value) > LARGEST_INTEGER
    return isinstance(value, float) and not isfinite(value)


async def _refuse(send: Send, reason: str) -> None:
    """In the way of Prefect, whose form shows the reason."""
    detail = [{"loc": ["body"], "msg": reason, "type": "value_error"}]
    answer = {"exception_message": "Invalid request received.", "exception_detail": detail}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": UNPROCESSABLE, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})
