"""Telling processes apart that have, or had, the same number."""

from pathlib import Path

import psutil

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
AFTER_NAME = ") "
STATE, START_TICKS = 0, 19
"""Places in ``/proc/PID/stat`` behind the name of the program; see proc(5)."""

DEAD = ("Z", "X", "x")


def birth_of(process_id: int) -> str | None:
    """When a process began, to tell it from others with its number; ``None`` if it is gone.

    On Linux ticks since the boot, with the boot they count from: the wall clock can be set while
    a process runs, and its beginning would move with it. A process that is dead and only waits to
    be noticed by its parent is gone.
    """
    if not BOOT_ID.exists():
        try:
            return str(psutil.Process(process_id).create_time())
        except (psutil.Error, OSError, OverflowError, ValueError):
            return None
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(AFTER_NAME)[2].split()
    if fields[STATE] in DEAD:
        return None
    return f"{BOOT_ID.read_text(encoding='ascii').strip()} {fields[START_TICKS]}"


def process_namespace() -> str:
    """Where numbers of processes mean the same as here; empty where there is only one place."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""
