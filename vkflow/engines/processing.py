"""One part of a work list, from the folder into the folder: the same on every engine."""

import logging

from vkflow.engines.engine import Recruit, Worker, WorkFailedError
from vkflow.engines.isolation import WorkerInOwnProcess, work_isolating_faults
from vkflow.engines.parts import PartFolder

logger = logging.getLogger(__name__)


class PartProcessor:
    """A worker at its place. Close it in the end."""

    def __init__(
        self, parts: PartFolder, here: Worker, recruit: Recruit, most_tries: int | None = None
    ) -> None:
        """Nothing happens yet.

        Args:
            parts: where the work lies.
            here: the worker of this process.
            recruit: makes another one in a child process.
            most_tries: workers that may die with a part before it is given up; ``None``: any
                number, where each is a run of its own.
        """
        self._parts = parts
        self._here = here
        self._apart = WorkerInOwnProcess(recruit, here)
        self._most_tries = most_tries

    def process(self, name: str) -> None:
        """Work on a part, unless its result is there.

        A row can kill the process that works on it. The worker that meets it is lost; the next one
        works on this part in a process of its own, which may die for the row to be found out.

        Raises:
            WorkFailedError: too many workers died with it.
            Exception: the worker's own.
        """
        if self._parts.has_result(name):
            return
        tries = self._parts.note_try(name)
        try:
            if self._most_tries is not None and tries > self._most_tries:
                raise WorkFailedError(f"{tries - 1} workers died while they worked on it")
            if tries > 1:
                logger.warning(
                    "the last worker ended while it worked on part %s: it is done in a process of "
                    "its own, to find out whether one of its rows is to blame",
                    name,
                )
            worker = self._here if tries == 1 else self._apart
            rows = self._parts.read_work(name)
            self._parts.write_result(name, work_isolating_faults(worker, rows))
        finally:
            # Reached by everything but the death of this process.
            self._parts.forget_tries(name)

    def close(self) -> None:
        """End the child process, if there is one."""
        self._apart.close()
