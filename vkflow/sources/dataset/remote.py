"""Files behind a URL: downloaded once into the home, going on after a break."""

import hashlib
import json
import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from vkflow.errors import SettingsError, SourceError, TransientError
from vkflow.sources.dataset.drive import DRIVE, download_from_drive
from vkflow.sources.dataset.transports import BrokenDownloadError, open_remote, shown

ATTEMPTS = 5
LONGEST_WAIT_SECONDS = 30.0
SECONDS_BETWEEN_REPORTS = 10.0
MEBIBYTE = 2**20
RECORD = "download.json"
logger = logging.getLogger(__name__)


def is_remote(path: str) -> bool:
    """Whether a path is a URL or ``gdrive:ID``."""
    return path.startswith(DRIVE) or re.match(r"[a-z][a-z0-9+.-]+://", path) is not None


def local_path(path: str) -> str:
    """A path on this machine written as a URL (RFC 8089) as the path; anything else as it is."""
    url = re.fullmatch(r"file://(localhost)?(/.*)", path)
    return unquote(url[2]) if url else path


@dataclass(frozen=True)
class Limits:
    """How much, and for how long, is downloaded.

    Attributes:
        max_bytes: of the whole file.
        max_seconds: in one run; the next one goes on.
    """

    max_bytes: float = 50 * 2**30
    max_seconds: float = 12 * 3_600


def download_once(
    address: str,
    folder: Path,
    sleep: Callable[[float], None] = time.sleep,
    limits: Limits = Limits(),
) -> Path:
    """The file behind an address; downloaded unless it is there.

    Beside it lies ``download.json`` with where it came from, its size in bytes and its SHA-256.
    A download that breaks off goes on where it was, also in another run. To download a file that
    has changed, delete its folder.

    Args:
        address: https and http, ``gdrive:ID``, and what fsspec knows, such as s3.
        folder: the file gets a folder of its own in it.
        sleep: waits that many seconds; replaced in tests.
        limits: beyond which a download is given up.

    Raises:
        SourceError: there is no such file, no access to it, or it is too large.
        SettingsError: no URL, or the package for such URLs is not installed.
        TransientError: the connection breaks again and again.
    """
    place = folder / hashlib.sha256(address.encode()).hexdigest()[:16]
    file, record = place / _name(address), place / RECORD
    known = _read_record(record)
    if file.exists() and known.get("size") == file.stat().st_size and known.get("sha256"):
        logger.info("%s was downloaded at %s", shown(address), known["finished_at"])
        return file
    place.mkdir(parents=True, exist_ok=True)
    report = _Report(shown(address), limits)
    if address.startswith(DRIVE):
        download_from_drive(address.removeprefix(DRIVE), file, report)
    else:
        part = file.with_name(f"{file.name}.part")
        _download(address, part, record, report, sleep)
        part.replace(file)
    _write_record(
        record,
        {
            "address": shown(address),
            "size": file.stat().st_size,
            "sha256": _checksum(file),
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
    return file


class _Report:
    """Says from time to time how far a download is; ends one beyond its limits."""

    def __init__(self, what: str, limits: Limits) -> None:
        self._what, self._limits = what, limits
        self._began = self._said = time.monotonic()

    def __call__(self, done: int, total: int | None) -> None:
        """Note the bytes that came, of all there are.

        Raises:
            SourceError: the file is too large.
            TransientError: it takes too long.
        """
        most = self._limits.max_bytes
        if max(done, total or 0) > most:
            raise SourceError(
                f"{self._what} has more than {most / MEBIBYTE:.0f} MiB (dataset.download_gib)"
            )
        if time.monotonic() - self._began > self._limits.max_seconds:
            raise TransientError(
                f"{self._what} takes longer than {self._limits.max_seconds:g} seconds "
                f"(dataset.download_hours); what came is kept, the next run goes on from there"
            )
        is_whole = done == total
        if not is_whole and time.monotonic() - self._said < SECONDS_BETWEEN_REPORTS:
            return
        self._said = time.monotonic()
        size = "?" if total is None else f"{total / MEBIBYTE:.1f}"
        logger.info("%s: %.1f of %s MiB downloaded", self._what, done / MEBIBYTE, size)


def _download(
    address: str, part: Path, record: Path, report: _Report, sleep: Callable[[float], None]
) -> None:
    failures = 0
    while True:
        before = _size(part)
        try:
            return _go_on(address, part, record, report)
        except BrokenDownloadError as error:
            failures = 1 if _size(part) > before else failures + 1
            if failures >= ATTEMPTS:
                raise TransientError(
                    f"{shown(address)} breaks off again and again ({error}); what came is kept, "
                    f"the next run goes on from there"
                ) from None
            logger.warning("%s broke off, going on: %s", shown(address), error)
            sleep(min(2.0**failures, LONGEST_WAIT_SECONDS))


def _go_on(address: str, part: Path, record: Path, report: _Report) -> None:
    """Download what is missing."""
    version = _read_record(record).get("version")
    with (
        open_remote(address, _size(part), version) as opened,
        part.open("r+b" if part.exists() else "wb") as file,
    ):
        _write_record(record, {"address": shown(address), "version": opened.version})
        file.truncate(opened.start)
        file.seek(opened.start)
        done = opened.start
        report(done, opened.size)
        for block in opened.blocks:
            file.write(block)
            done += len(block)
            report(done, opened.size)
    if opened.size is not None and done != opened.size:
        if done > opened.size:
            part.unlink()
        raise BrokenDownloadError(f"{done} of {opened.size} bytes came")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _name(address: str) -> str:
    """A file name from the end of an address."""
    try:
        path = address.replace(":", "-") if address.startswith(DRIVE) else urlsplit(address).path
    except ValueError:
        raise SettingsError(f"dataset.path: {shown(address)} is no URL") from None
    name = re.sub(r"[^\w.-]+", "_", PurePosixPath(unquote(path)).name)[-100:]
    return name.lstrip(".") or "posts"


def _checksum(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _read_record(record: Path) -> dict[str, Any]:
    try:
        stored = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def _write_record(record: Path, content: dict[str, Any]) -> None:
    draft = record.with_suffix(".part")
    draft.write_text(json.dumps(content, indent=2), encoding="utf-8")
    draft.replace(record)
