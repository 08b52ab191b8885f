"""A process that is not to outlive the one that started it, however that one ends."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import IO

GRACE_SECONDS = 20.0


def start_bound(
    module: str,
    arguments: list[str],
    output: IO[bytes] | int,
    errors: IO[bytes] | int | None,
) -> "subprocess.Popen[bytes]":
    """Run a Python module that calls :func:`end_with_parent`, away from the terminal's Ctrl-C.

    Its input is a pipe nobody writes to. The system closes the pipe when this process is gone,
    also when it was killed.
    """
    return subprocess.Popen(  # noqa: S603 - our own arguments
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=errors,
        start_new_session=True,
    )


def end_with_parent(stop: Callable[[], None]) -> None:
    """Call ``stop`` once the process that started this one is gone; then end, come what may."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        deadline = threading.Timer(GRACE_SECONDS, os._exit, [1])
        deadline.daemon = True
        deadline.start()
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()
