"""Batches of a model shared among the threads of a CPU."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Batch = TypeVar("Batch")
Result = TypeVar("Result")


def map_batches(
    work: Callable[[Batch], Result],
    batches: Sequence[Batch],
    device: str,
    *,
    one_thread_each: bool = False,
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
        one_thread_each: no batch of a CPU has several threads, however few there are.

    Raises:
        Exception: the first that the work raised, by the order of the batches.
    """
    threads = torch.get_num_threads()
    workers = max(min(threads, len(batches)), 1)
    threads_each = 1 if one_thread_each else threads // workers
    if threads_each == threads or device != "cpu":
        yield from map(work, batches)
        return
    pool = ThreadPoolExecutor(
        workers, "batches", initializer=torch.set_num_threads, initargs=(threads_each,)
    )
    try:
        yield from pool.map(work, batches)
    finally:
        pool.shutdown(cancel_futures=True)
        # A limit holds for its own thread, and for those that begin later.
        torch.set_num_threads(threads)
