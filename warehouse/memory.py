"""Giving memory back to the system as soon as it is free.

Allocators keep what was freed, for later. A step that works in chunks would then hold about twice
what it needs, and more, the more chunks there are.
"""

import ctypes
import os
import sys


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
