"""One writer at a time in a home: a file that says who it is, and until when that counts.

DuckDB locks its file only while it is open, and a flow opens it many times; this lock is held for
a whole run. A holder that is gone loses it at once to the next run on the same machine; from
another machine, where nobody can see whether a process lives, only when its lease is over.
"""

import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from warehouse.errors import WarehouseError, WriterLockedError, WriterLostError
from warehouse.processes import birth_of, process_namespace

FILE, GUARD = "writer.json", ".writer.guard"
LEASE = timedelta(minutes=10)
RENEW_SECONDS = 60.0
POLL_SECONDS = 0.2
OF_EARLIER_VERSION = {"namespace": "unknown"}
"""What a lock of vkflow 0.1 does not say: a namespace like no other, so its lease decides."""


@dataclass(frozen=True)
class Writer:
    """Who writes in a home.

    Attributes:
        name: the flow.
        namespace: where ``process_id`` is its number; a container has numbers of its own.
        process_started: see ``birth_of``: numbers are used again.
        token: tells this writer from all others.
    """

    name: str
    host: str
    namespace: str
    process_id: int
    process_started: str
    since: datetime
    expires_at: datetime
    token: str

    def is_gone(self, now: datetime) -> bool:
        """Whether it cannot be writing any more."""
        if (self.host, self.namespace) != (socket.gethostname(), process_namespace()):
            return now >= self.expires_at
        return birth_of(self.process_id) != self.process_started

    def describe(self) -> str:
        """For people."""
        return (
            f"{self.name}, process {self.process_id} on {self.host}, "
            f"since {self.since:%Y-%m-%d %H:%M} UTC"
        )


_held: dict[Path, str] = {}
"""Tokens of the locks this process holds, by home."""


@contextmanager
def writer_lock(home: Path, name: str, wait_seconds: float) -> Iterator[None]:
    """Be the only writer of ``home``.

    Args:
        home: the folder of the warehouse.
        name: of the flow, for people.
        wait_seconds: how long to wait for another writer.

    Raises:
        WriterLockedError: the other writer is still at work.
        WarehouseError: the home cannot be written.
    """
    writer = _acquire(home, name, wait_seconds)
    done = threading.Event()
    renewal = threading.Thread(target=_renew, args=(home, writer, done), daemon=True)
    renewal.start()
    _held[home.resolve()] = writer.token
    try:
        yield
    finally:
        del _held[home.resolve()]
        done.set()
        renewal.join()
        _release(home, writer)


def check_held(home: Path) -> None:
    """Stop a run whose lock somebody else has taken; one that took no lock passes.

    Raises:
        WriterLostError: the lock is another writer's by now, or gone.
    """
    token = _held.get(home.resolve())
    if token is None:
        return
    current = read_writer(home)
    if current is None or current.token != token:
        by = "nobody" if current is None else current.describe()
        raise WriterLostError(
            f"this run has lost the lock of {home}, which {by} holds now: it stops and stores "
            f"nothing more. Start it again when no other run is at work."
        )


def read_writer(home: Path) -> Writer | None:
    """Who holds the lock of a home, alive or not; ``None`` if nobody does."""
    try:
        content = json.loads(_regular(home / FILE).read_text(encoding="utf-8"))
        fields = {**OF_EARLIER_VERSION, **content}
        times = {name: datetime.fromisoformat(fields[name]) for name in ("since", "expires_at")}
        writer = Writer(**{**fields, **times})
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WarehouseError(
            f"{home / FILE} cannot be read ({error.strerror}): it should be a file that says who "
            f"writes in this home. If no run is at work, remove it."
        ) from error
    except (ValueError, TypeError, KeyError, RecursionError):
        # A disk that was full leaves an empty file; nobody can say that it still counts.
        return None
    return writer if _is_sound(writer) else None


def _regular(file: Path) -> Path:
    """The file, unless it is a pipe, which would be waited for, or the like."""
    if file.exists() and not file.is_file():
        raise OSError(errno.EINVAL, "no regular file")
    return file


def _is_sound(writer: Writer) -> bool:
    """Whether every field has its type: the file is anybody's to write."""
    texts = (writer.name, writer.host, writer.namespace, writer.token)
    return (
        all(isinstance(text, str) for text in texts)
        and type(writer.process_id) is int
        and writer.process_id > 0
        and all(moment.tzinfo is not None for moment in (writer.since, writer.expires_at))
    )


def break_lock(home: Path) -> Writer | None:
    """Take the lock from a holder that is gone; returns it, ``None`` if nobody held it.

    Raises:
        WriterLockedError: the holder lives, or may live on another machine.
    """
    with _guard(home):
        writer = read_writer(home)
        if writer is not None and not writer.is_gone(datetime.now(UTC)):
            raise WriterLockedError(
                f"{home} is in use by {writer.describe()}: let it finish, or end it first. "
                f"If that machine is gone, the lock is free from "
                f"{writer.expires_at:%Y-%m-%d %H:%M} UTC on."
            )
        (home / FILE).unlink(missing_ok=True)
        return writer


def _acquire(home: Path, name: str, wait_seconds: float) -> Writer:
    deadline = time.monotonic() + wait_seconds
    while True:
        with _guard(home):
            holder, now = read_writer(home), datetime.now(UTC)
            if holder is None or holder.is_gone(now):
                writer = Writer(
                    name=name,
                    host=socket.gethostname(),
                    namespace=process_namespace(),
                    process_id=os.getpid(),
                    process_started=birth_of(os.getpid()) or "",
                    since=now,
                    expires_at=now + LEASE,
                    token=uuid4().hex,
                )
                _write(home, writer)
                return writer
        if time.monotonic() >= deadline:
            raise WriterLockedError(
                f"{home} is in use by {holder.describe()}; waited {wait_seconds:.0f} s. Only one "
                f"flow may write at a time: let it finish, or end it. `vkflow unlock` frees the "
                f"home of a writer that is gone."
            )
        time.sleep(POLL_SECONDS)


def _renew(home: Path, writer: Writer, done: threading.Event) -> None:
    while not done.wait(RENEW_SECONDS):
        with suppress(WarehouseError), _guard(home):  # a full disk may have room the next time
            current = read_writer(home)
            if current is None or current.token != writer.token:
                return
            _write(home, replace(current, expires_at=datetime.now(UTC) + LEASE))


def _release(home: Path, writer: Writer) -> None:
    with _guard(home):
        current = read_writer(home)
        if current is not None and current.token == writer.token:
            (home / FILE).unlink()


def _write(home: Path, writer: Writer) -> None:
    draft = home / f".{FILE}.{os.getpid()}"
    try:
        draft.write_text(json.dumps(asdict(writer), default=str) + "\n", encoding="utf-8")
        draft.replace(home / FILE)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise WarehouseError(
            f"{home / FILE} cannot be written ({error.strerror}); make room on the disk, or give "
            f"the folder to this user"
        ) from error


@contextmanager
def _guard(home: Path) -> Iterator[None]:
    """Nobody else looks at the lock in the meantime; the system frees the guard of the dead."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        file = _regular(home / GUARD).open("a")
    except OSError as error:
        raise WarehouseError(
            f"{home} cannot be written ({error.strerror}); give the folder to this user, or set "
            f"VKFLOW_HOME to another one"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
