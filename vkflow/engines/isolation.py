"""Finding the few rows a worker fails on, or dies of, so that the others get their results."""

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

import polars as pl

from vkflow.engines.engine import Recruit, Worker
from vkflow.errors import TransientError


def work_isolating_faults(worker: Worker, rows: pl.DataFrame) -> pl.DataFrame:
    """Work on rows; where that fails, halve them until the ones to blame are alone.

    Args:
        worker: raises where it cannot work.
        rows: at least one.

    Raises:
        Exception: the worker's own, where it fails on a harmless row as well, or where memory, a
            disk or a server is what fails: no row is to blame.
    """
    results, waiting = [], [rows]
    while waiting:
        some = waiting.pop()
        try:
            results.append(worker.work(some))
        except Exception as error:
            harmless = worker.harmless()
            if harmless is None or _is_of_the_place(error):
                raise
            if len(some) > 1:
                middle = len(some) // 2
                waiting += [some[middle:], some[:middle]]
                continue
            worker.work(harmless)
            results.append(worker.refuse(some, error))
    return pl.concat(results)


class WorkerInOwnProcess:
    """A worker in a child process, which a row may kill: it is an error here, and no more."""

    def __init__(self, recruit: Recruit, here: Worker) -> None:
        """Nothing is started before there is work.

        Args:
            recruit: what the child makes its worker with; a function of a module.
            here: a worker in this process, which knows how to refuse.
        """
        self._recruit = recruit
        self._here = here
        self._pool: ProcessPoolExecutor | None = None

    def work(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The results, from the child.

        Raises:
            BrokenProcessPool: it died; the next rows get another one.
        """
        if self._pool is None:
            context = get_context("spawn")
            self._pool = ProcessPoolExecutor(1, context, _start, (self._recruit,))
        try:
            return self._pool.submit(_work, rows).result()
        except BrokenProcessPool:
            self.close()
            raise

    def harmless(self) -> pl.DataFrame | None:
        """See :class:`Worker`."""
        return self._here.harmless()

    def refuse(self, rows: pl.DataFrame, error: Exception) -> pl.DataFrame:
        """See :class:`Worker`."""
        return self._here.refuse(rows, error)

    def close(self) -> None:
        """End the child."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None


_started: list[Worker] = []


def _start(recruit: Recruit) -> None:
    _started[:] = [recruit()]


def _work(rows: pl.DataFrame) -> pl.DataFrame:
    return _started[0].work(rows)


def _is_of_the_place(error: Exception) -> bool:
    """Whether memory is short, a disk full, or a server does not answer."""
    if isinstance(error, MemoryError | OSError | TransientError):
        return True
    import torch

    return isinstance(error, torch.OutOfMemoryError)
