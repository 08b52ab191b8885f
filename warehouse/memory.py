"""Memory: given back to the system as soon as it is free, and bounded for a query of a person.

Allocators keep what was freed, for later. A step that works in chunks would then hold about twice
what it needs, and more, the more chunks there are.
"""

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

BEYOND_DUCKDB_BYTES = 2**30
"""For lists of DuckDB, for Python, its packages, and the rows that it prints."""

KEPT_FROM_DUCKDB_BYTES = 3 * 2**28
"""Of that: Polars takes forty times a row to write it out, and where memory ends it ends the
process, or waits for ever."""


def let_duckdb_return_memory() -> None:
    """Let DuckDB's allocator keep nothing that is free, unless the environment says else.

    It reads this once, when DuckDB is imported.
    """
    os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0")


def return_memory() -> None:
    """Give back what the C library keeps; does nothing where it cannot be told to."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim:
        trim(0)


@contextmanager
def bounded_memory(memory_limit: str) -> Iterator[None]:
    """Let this process take DuckDB's ``memory_limit``, such as ``4GB``, and a GiB beside it.

    DuckDB does not count the values of a list, nor what becomes of an answer in Python:
    ``SELECT list(range(300000000))`` took 13 GB whatever its limit was. Does nothing where the
    system knows no such bound.
    """
    if sys.platform != "linux":
        yield
        return
    pl.DataFrame({"a": [0]}).write_csv()  # starts its threads, whose stacks are data as well
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    taken = 1024 * int(re.findall(r"VmData:\s+(\d+)", status)[0])
    with _data_of_at_most(taken + size_in_bytes(memory_limit) + BEYOND_DUCKDB_BYTES):
        yield


@contextmanager
def memory_of_duckdb() -> Iterator[None]:
    """Within :func:`bounded_memory`: keep what Polars will need from DuckDB while that works."""
    if sys.platform != "linux":
        yield
        return
    import resource

    bound, _ = resource.getrlimit(resource.RLIMIT_DATA)
    is_bounded = bound != resource.RLIM_INFINITY
    with _data_of_at_most(max(bound - KEPT_FROM_DUCKDB_BYTES, 0) if is_bounded else 2**62):
        yield


@contextmanager
def _data_of_at_most(n_bytes: int) -> Iterator[None]:
    import resource

    before, hardest = resource.getrlimit(resource.RLIMIT_DATA)
    given = [each for each in (before, hardest) if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(n_bytes, 2**62, *given), hardest))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, hardest))


def size_in_bytes(size: str) -> int:
    """A size as DuckDB writes them, such as ``4GB`` or ``1.5 MiB``, in bytes."""
    number, unit, binary = re.findall(r"([0-9.]+)\s*([KMGT])(i?)B", size, re.IGNORECASE)[0]
    return int(float(number) * (1024 if binary else 1000) ** ("KMGT".index(unit.upper()) + 1))
