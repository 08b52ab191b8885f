"""What an engine is: somebody who has workers turn parts of a list into parts of the result."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from vkflow.engines.parts import PartFolder
from vkflow.errors import TransientError


class WorkFailedError(TransientError):
    """Some parts could not be worked on; those that could are stored, and another try may help."""


class Worker(Protocol):
    """Turns rows into rows. It knows neither the engine nor the warehouse, nor who else works."""

    def work(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The results of these rows; raises where it cannot give them."""

    def harmless(self) -> pl.DataFrame | None:
        """A row nothing is wrong with: a worker that fails on it is at fault itself.

        ``None``: nobody can tell, and every fault counts as the worker's own.
        """

    def refuse(self, rows: pl.DataFrame, error: Exception) -> pl.DataFrame:
        """What stands in the result for rows on which the worker fails, with the reason."""


class BlamesNoRow:
    """Base of workers all of whose faults are their own."""

    def harmless(self) -> None:
        """Nobody can tell."""

    def refuse(self, rows: pl.DataFrame, error: Exception) -> pl.DataFrame:
        """Never asked for."""
        raise error


Recruit = Callable[[], Worker]
"""Makes a worker where it is to work: in another process, or on another machine."""


@dataclass(frozen=True)
class Job:
    """Work of one kind.

    Attributes:
        here: a worker in this process.
        recruit: makes one elsewhere; it can be sent there, and has no secrets.
        parts: where the work lies, and where the results go.
        wants_gpu: whether a GPU makes it faster.
    """

    here: Worker
    recruit: Recruit
    parts: PartFolder
    wants_gpu: bool = False


class Engine(Protocol):
    """Has parts worked on; one that has its result already is left as it is."""

    def work(self, job: Job, names: Iterable[str]) -> Iterator[str]:
        """Work on parts; yields the name of each when its result is there.

        Raises:
            WorkFailedError: after all others, where some parts failed.
        """
