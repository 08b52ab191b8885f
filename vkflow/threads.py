"""Many threads at work, and numbers that do not depend on how many there are.

The order of a sum, and so its last bits, depends on the number of threads that share it. So each
piece of work has one thread, and threads share the pieces.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import TypeVar

import scipy.linalg  # noqa: F401 - a limit holds for libraries that are loaded
from threadpoolctl import get_cached_controller

Item = TypeVar("Item")
Result = TypeVar("Result")


def one_thread() -> AbstractContextManager[object]:
    """Linear algebra on one thread, in every thread of this process.

    Whoever shares work among threads enters it before they begin: those that enter it inside
    change nothing.
    """
    # It is cached: looking for the libraries would take longer than a fit.
    limited: AbstractContextManager[object] = get_cached_controller().limit(limits=1)
    return limited


def n_threads(wanted: int) -> int:
    """How many threads a setting stands for: -1 is one for each processor of this process."""
    return wanted if wanted > 0 else len(os.sched_getaffinity(0))


def map_threads(
    work: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[tuple[Item, Result]]:
    """Each item with the result of its work, in the order of the items.

    Raises:
        Exception: the first that the work raised, by the order of the items.
    """
    pieces = list(items)
    with ThreadPoolExecutor(max(1, min(threads, len(pieces)))) as pool:
        yield from zip(pieces, pool.map(work, pieces), strict=True)
