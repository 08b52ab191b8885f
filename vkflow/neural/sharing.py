"""Batches of a model shared among the threads of a CPU."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Batch = TypeVar("Batch")
Item = TypeVar("Item")
Result = TypeVar("Result")


def map_batches(
    work: Callable[[Batch], Result], batches: Sequence[Batch], device: str
) -> Iterator[Result]:
    """The results of batches, in their order.

    A CPU's threads take a batch each, and share one only where there are fewer batches than
    threads. Threads that share a batch wait for the slowest of them after every layer: on two
    cores that other programs use as well that took five times as long. And a batch of one thread
    gives the same bits on any number of cores. A GPU gets one batch after the other.

    Not for two threads at once: torch's number of threads is set meanwhile.

    Args:
        work: what is done with a batch.
        batches: such as lists of tokenised texts; the costliest ones first keep threads busy.
        device: a resolved device: ``cpu``, ``cuda`` or ``cuda:N``.

    Raises:
        Exception: the first that the work raised, by the order of the batches.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(batches))
    if workers < 2 or device != "cpu":
        yield from map(work, batches)
        return
    pool = ThreadPoolExecutor(
        workers, "batches", initializer=torch.set_num_threads, initargs=(threads // workers,)
    )
    try:
        yield from pool.map(work, batches)
    finally:
        pool.shutdown(cancel_futures=True)
        # A limit holds for its own thread, and for those that begin later.
        torch.set_num_threads(threads)


def split_batch(batch: Sequence[Item], smallest: int, device: str) -> list[Sequence[Item]]:
    """A batch in nearly equal shares for `map_batches`: as many as a CPU has threads.

    Args:
        batch: items, one at least.
        smallest: items in a share at least, unless the batch has fewer.
        device: a resolved device; a GPU gets the batch as a whole.
    """
    threads = torch.get_num_threads() if device == "cpu" else 1
    size = math.ceil(len(batch) / max(1, min(threads, len(batch) // smallest)))
    return [batch[start : start + size] for start in range(0, len(batch), size)]
