"""Reports of a home, beside Prefect's own pages: where links of artifacts lead.

A browser opens no ``file://`` address for a page of the web. The reports ask for the user and
password of the server, and run nothing.
"""

import re
from http import HTTPStatus
from pathlib import Path

from flows.authentication import is_signed_in
from flows.guard import Application, Receive, Scope, Send

PAGE = re.compile(r"/reports/((?:drafts/)?[\w-]+\.html)", re.ASCII)
HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        b"form-action 'none'",
    ),
]
ASK = (b"www-authenticate", b'Basic realm="vkflow reports", charset="UTF-8"')


class ServedPages:
    """An ASGI application in front of another one, which never sees ``/reports/``.

    Args:
        application: the other one.
        folder: of the reports.
        auth_string: user and password, with a colon between them.
    """

    def __init__(self, application: Application, folder: Path, auth_string: str) -> None:
        self._application = application
        self._folder = folder
        self._auth_string = auth_string

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for a report, or pass the request on."""
        if scope["type"] != "http" or not scope["path"].startswith("/reports/"):
            return await self._application(scope, receive, send)
        if is_signed_in(scope["headers"], self._auth_string):
            status, body = self._page(scope["path"])
            headers = HEADERS
        else:
            status, body, headers = HTTPStatus.UNAUTHORIZED, b"Sign in.\n", [*HEADERS, ASK]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _page(self, path: str) -> tuple[HTTPStatus, bytes]:
        found = PAGE.fullmatch(path)
        content = self._content(found[1]) if found else None
        if content is not None:
            return HTTPStatus.OK, content
        return HTTPStatus.NOT_FOUND, (
            b"This page is not on the machine of the server: look in the folder reports of the "
            b"home of the worker.\n"
        )

    def _content(self, name: str) -> bytes | None:
        """Of a file of the folder: a link could lead anywhere, a pipe would be waited for."""
        try:
            file = (self._folder / name).resolve(strict=True)
            is_ours = file.is_relative_to(self._folder.resolve()) and file.is_file()
            return file.read_bytes() if is_ours else None
        except (OSError, RuntimeError):  # the latter: a link to itself
            return None
