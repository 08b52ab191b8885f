"""One writer at a time in a lake: a lock of PostgreSQL, held by a session as long as the run.

PostgreSQL frees it when the session ends, however that happens, and on whichever machine.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import psycopg

from warehouse.errors import WarehouseError, WriterLockedError, WriterLostError
from warehouse.lake.lake import Lake, connect_catalog

KEY = int.from_bytes(b"vkflow")
"""Of the advisory lock, which counts in its database alone."""
POLL_SECONDS = 0.2
SETTINGS = {
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "15",
    "tcp_keepalives_count": "4",
}
"""A machine that is gone loses the lock after two minutes."""
HOLDER = (
    "SELECT application_name, backend_start, pid FROM pg_locks JOIN pg_stat_activity USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND (classid::BIGINT << 32) | objid::BIGINT = %s "
    "AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

_held: dict[Lake, psycopg.Connection] = {}
"""Sessions that hold the locks of this process."""


@contextmanager
def lake_writer_lock(lake: Lake, name: str, wait_seconds: float) -> Iterator[None]:
    """Be the only writer of a lake.

    Args:
        lake: the lake.
        name: of the flow, for people.
        wait_seconds: how long to wait for another writer.

    Raises:
        WriterLockedError: the other writer is still at work.
        WarehouseUnreachableError: the catalog does not answer.
        WarehouseError: it refuses, or the home cannot be made.
    """
    try:
        lake.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            f"{lake.home} cannot be made ({error.strerror}); set VKFLOW_HOME to another folder"
        ) from error
    session = connect_catalog(lake, f"{name}, process {os.getpid()} on {socket.gethostname()}"[:63])
    try:
        for setting, value in SETTINGS.items():
            session.execute("SELECT set_config(%s, %s, false)", [setting, value]).fetchall()
        _acquire(session, lake, wait_seconds)
        _held[lake] = session
        yield
    finally:
        _held.pop(lake, None)
        with suppress(psycopg.Error):
            session.close()


def check_lake_held(lake: Lake) -> None:
    """Stop a run whose session has ended; one that took no lock passes.

    Raises:
        WriterLostError: another run may hold the lock by now.
    """
    session = _held.get(lake)
    if session is None:
        return
    try:
        session.execute("SELECT 1").fetchall()
    except psycopg.Error:
        raise WriterLostError(
            f"this run has lost the lock of {lake}, since PostgreSQL has ended its session: it "
            f"stops and stores nothing more. Start it again when no other run is at work."
        ) from None


def lake_holder(lake: Lake) -> str | None:
    """Who writes in a lake, for people; ``None`` if nobody does."""
    with connect_catalog(lake) as session:
        return _describe(session)


def refuse_held_lake(lake: Lake) -> None:
    """Nobody holds the lock of a lake who is gone; whoever has it lives.

    Raises:
        WriterLockedError: somebody holds it.
    """
    if (holder := lake_holder(lake)) is not None:
        raise WriterLockedError(
            f"{lake} is in use by {holder}: let it finish, or end it first. PostgreSQL frees the "
            f"lock when that process, or for two minutes its machine, is gone."
        )


def _acquire(session: psycopg.Connection, lake: Lake, wait_seconds: float) -> None:
    deadline = time.monotonic() + wait_seconds
    while session.execute("SELECT pg_try_advisory_lock(%s)", [KEY]).fetchall() != [(True,)]:
        if time.monotonic() >= deadline:
            holder = _describe(session) or "another writer"
            raise WriterLockedError(
                f"{lake} is in use by {holder}; waited {wait_seconds:.0f} s. Only one flow may "
                f"write at a time: let it finish, or end it."
            )
        time.sleep(POLL_SECONDS)


def _describe(session: psycopg.Connection) -> str | None:
    rows: list[tuple[str, datetime | None, int]] = session.execute(HOLDER, [KEY]).fetchall()
    if not rows:
        return None
    name, since, pid = rows[0]
    when = f", since {since:%Y-%m-%d %H:%M %Z}" if since else ""
    return f"{name or 'a session'}{when} (session {pid} of PostgreSQL)"
