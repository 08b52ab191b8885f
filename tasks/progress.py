"""Progress of a long step: a bar in the terminal, an artifact in the Prefect UI.

Where there is no terminal, a line in the log every half a minute.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.context import TaskRunContext
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tasks.step import run_logger

SECONDS_BETWEEN_UPDATES = 5.0
SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def progress(description: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show how far a step is.

    Args:
        description: such as ``texts embedded``.
        total: items altogether; None where nobody knows before the end.

    Yields:
        A function to call with the number of items finished since the last call.
    """
    artifact = _artifact(description)
    columns = (
        TextColumn("{task.description:>20}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    done, updated = 0, time.monotonic()
    line = _LogLine(description, total)
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        row = bar.add_task(description, total=total)

        def advance(finished: int) -> None:
            nonlocal done, updated
            done += finished
            bar.advance(row, finished)
            if not console.is_terminal:
                line.tell(done)
            if (
                artifact
                and total is not None
                and time.monotonic() - updated > SECONDS_BETWEEN_UPDATES
            ):
                updated = time.monotonic()
                update_progress_artifact(artifact, min(100.0, 100 * done / max(total, 1)))

        yield advance
    if artifact:
        update_progress_artifact(artifact, 100.0)


class _LogLine:
    """Says now and then how far a step is, how fast it goes, and how long the rest will take."""

    def __init__(self, description: str, total: int | None) -> None:
        self._description, self._total = description, total
        self._began = self._told = time.monotonic()

    def tell(self, done: int) -> None:
        now = time.monotonic()
        if now - self._told < SECONDS_BETWEEN_LINES or not done:
            return
        self._told = now
        rate = done / (now - self._began)
        if self._total is None:
            run_logger().info("%s: %d so far, %.3g a second", self._description, done, rate)
            return
        run_logger().info(
            "%s: %d of %d, %.3g a second, %s left",
            self._description,
            done,
            self._total,
            rate,
            _duration(max(self._total - done, 0) / rate),
        )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _artifact(description: str) -> UUID | None:
    """The id of a new progress artifact, or ``None`` outside of a run."""
    if TaskRunContext.get() is None:
        return None
    # Prefect's type also allows for its use in coroutines.
    return cast(UUID, create_progress_artifact(0.0, description=description))
