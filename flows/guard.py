"""Prefect's server answers only who asks for it by its own name, from its own pages.

A page of somebody else, open in the operator's browser, can send requests to this machine, and by
DNS rebinding make the browser believe that the server is its own. Prefect checks neither the Host
header nor, at web sockets, the Origin.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HOST = re.compile(r"(?P<name>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
NOT_IN_FRAMES = [
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
]
MISDIRECTED, FORBIDDEN = 421, 403
POLICY_VIOLATION = 1008


class Guard:
    """An ASGI application in front of another one.

    Args:
        application: what is guarded.
        origins: addresses of the pages that may send requests, such as
            ``http://127.0.0.1:4200``. Requests must name one of their hosts; the port may be
            another one, as through a tunnel. Programs send no Origin, and pass.
    """

    def __init__(self, application: Application, origins: Iterable[str]) -> None:
        self._application = application
        self._origins = {origin.lower().rstrip("/") for origin in origins}
        self._hosts = {urlsplit(origin).hostname or "" for origin in self._origins} - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            return await self._application(scope, receive, send)
        status = self._refusal(scope["headers"])
        if status is None:
            return await self._application(scope, receive, _without_frames(send))
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        start = {"type": "http.response.start", "status": status, "headers": []}
        await send(start)
        await send({"type": "http.response.body", "body": b"This server is not for this page.\n"})

    def _refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> int | None:
        hosts, origins = (
            [value.decode("latin-1").strip().lower() for name, value in headers if name == wanted]
            for wanted in (b"host", b"origin")
        )
        named = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if named is None or named["name"].strip("[]") not in self._hosts:
            return MISDIRECTED
        if all(origin in self._origins or origin == f"http://{hosts[0]}" for origin in origins):
            return None
        return FORBIDDEN


def _without_frames(send: Send) -> Send:
    async def send_guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *NOT_IN_FRAMES]}
        await send(message)

    return send_guarded
