"""Opening a remote file at any byte: over HTTP, or with whatever fsspec knows (s3 and others)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from vkflow.errors import SettingsError, SourceError

BLOCK_BYTES = 2**20
TIMEOUT_SECONDS = 30
MESSAGE_CHARACTERS = 200
CERTAIN = frozenset(range(400, 500)) - {408, 416, 425, 429}
"""Answers another try would only bring again."""


class BrokenDownloadError(Exception):
    """The connection was lost or the server is busy: going on may help."""


@dataclass(frozen=True)
class Opened:
    """A remote file.

    Attributes:
        start: the byte at which ``blocks`` begin: the wanted one, or 0 if that is not possible.
        size: of the whole file in bytes; ``None``: the server does not say.
        version: changes when the file does; ``None``: the server does not say.
        blocks: the bytes from there on.
    """

    start: int
    size: int | None
    version: str | None
    blocks: Iterator[bytes]


def shown(address: str) -> str:
    """An address without what may be secret in it: user, password and parameters."""
    if "://" not in address:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return f"{address.partition(':')[0]}://…"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


@contextmanager
def open_remote(address: str, start: int, version: str | None) -> Iterator[Opened]:
    """Open a file at byte ``start``, if it still has the ``version`` of the bytes before.

    Raises:
        SourceError: there is no such file, or no access to it.
        SettingsError: the package for such addresses is not installed.
        BrokenDownloadError: it did not work this time, also while blocks are read.
    """
    try:
        scheme = urlsplit(address).scheme
    except ValueError:
        raise SettingsError(f"dataset.path: {shown(address)} is no URL") from None
    opening = _open_http if scheme in ("http", "https") else _open_with_fsspec
    with opening(address, start, version) as opened:
        yield opened


@contextmanager
def _open_http(address: str, start: int, version: str | None) -> Iterator[Opened]:
    headers = {"Accept-Encoding": "identity"}
    if start and version:
        headers |= {"Range": f"bytes={start}-", "If-Range": version}
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=TIMEOUT_SECONDS) as client,
            client.stream("GET", address, headers=headers) as response,
        ):
            yield _answer(address, response, start)
    except httpx.InvalidURL:
        raise SettingsError(f"dataset.path: {shown(address)} is no URL") from None
    except httpx.TransportError as error:
        raise BrokenDownloadError(str(error) or type(error).__name__) from None


def _answer(address: str, response: httpx.Response, start: int) -> Opened:
    status = response.status_code
    if status in CERTAIN:
        raise SourceError(
            f"{shown(address)} cannot be downloaded: the server answers {status} "
            f"{response.reason_phrase}; check the address and who may read it"
        )
    etag = response.headers.get("ETag", "")
    version = response.headers.get("Last-Modified") if etag.startswith("W/") else etag
    version = version or response.headers.get("Last-Modified")
    blocks = response.iter_raw()
    if status == httpx.codes.PARTIAL_CONTENT:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != start:
            raise BrokenDownloadError("the server sent other bytes than asked for")
        return Opened(start, int(found[2]) if found[2] != "*" else None, version, blocks)
    if status == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
        total = response.headers.get("Content-Range", "").rpartition("/")[2]
        if total == str(start):  # all of it was there already
            return Opened(start, start, version, iter(()))
    if status != httpx.codes.OK:
        raise BrokenDownloadError(f"the server answers {status} {response.reason_phrase}")
    length = response.headers.get("Content-Length")
    return Opened(0, int(length) if length else None, version, blocks)


@contextmanager
def _open_with_fsspec(address: str, start: int, version: str | None) -> Iterator[Opened]:
    from fsspec.core import url_to_fs

    try:
        files, path = url_to_fs(address)
        size, now = files.info(path)["size"], str(files.ukey(path))
        file = files.open(path, "rb")
    except FileNotFoundError:
        raise SourceError(f"{shown(address)} cannot be downloaded: there is no such file") from None
    except PermissionError as error:
        raise SourceError(f"{shown(address)} cannot be downloaded: {_line(error)}") from None
    except (ImportError, ValueError) as error:
        raise SettingsError(f"dataset.path: {shown(address)}: {_line(error)}") from None
    except Exception as error:  # every kind of store has errors of its own
        raise BrokenDownloadError(_line(error)) from None
    with file:
        first = start if version == now else 0
        yield Opened(first, size, now, _blocks(file, first))


def _blocks(file: BinaryIO, start: int) -> Iterator[bytes]:
    try:
        file.seek(start)
        while block := file.read(BLOCK_BYTES):
            yield block
    except Exception as error:  # as above
        raise BrokenDownloadError(_line(error)) from None


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:MESSAGE_CHARACTERS]
