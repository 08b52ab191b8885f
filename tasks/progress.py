"""Progress of a long step: a bar in the terminal, an artifact in the Prefect UI."""

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

SECONDS_BETWEEN_UPDATES = 5.0


@contextmanager
def progress(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show how far a step is.

    Args:
        description: such as ``texts embedded``.
        total: items altogether.

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
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        row = bar.add_task(description, total=total)

        def advance(finished: int) -> None:
            nonlocal done, updated
            done += finished
            bar.advance(row, finished)
            if artifact and time.monotonic() - updated > SECONDS_BETWEEN_UPDATES:
                updated = time.monotonic()
                update_progress_artifact(artifact, min(100.0, 100 * done / max(total, 1)))

        yield advance
    if artifact:
        update_progress_artifact(artifact, 100.0)


def _artifact(description: str) -> UUID | None:
    """The id of a new progress artifact, or ``None`` outside of a run."""
    if TaskRunContext.get() is None:
        return None
    # Prefect's type also allows for its use in coroutines.
    return cast(UUID, create_progress_artifact(0.0, description=description))
