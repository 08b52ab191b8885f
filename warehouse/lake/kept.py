"""A DuckLake that stays attached for as long as a step takes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

import duckdb

from warehouse.lake.lake import Lake
from warehouse.lake.opening import connect_lake

MOST_BYTES = 64 * 2**20
"""What an attached lake may keep in memory between two sessions."""
HELD = "SELECT sum(memory_usage_bytes) FROM system.main.duckdb_memory()"

_kept: ContextVar[dict[Lake, duckdb.DuckDBPyConnection] | None] = ContextVar("kept", default=None)


@contextmanager
def kept_lakes() -> Iterator[None]:
    """Attach a lake once for everything in this thread that opens it inside.

    To load DuckDB's extensions and attach takes 0.3 s, another session of the same DuckDB 0.01 s.
    """
    token = _kept.set({})
    try:
        yield
    finally:
        forget_lakes()
        _kept.reset(token)


def lake_session(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A connection with the lake as the database in use: settings of its own, nothing begun.

    Raises:
        WarehouseUnreachableError: the catalog does not answer.
        WarehouseError: it cannot be used, or is missing where there was a warehouse.
    """
    kept = _kept.get()
    if kept is None:
        return connect_lake(lake)
    if lake in kept:
        with suppress(duckdb.Error):  # PostgreSQL may have been started anew meanwhile
            return _session(kept[lake])
        forget_lakes()
    kept[lake] = connect_lake(lake)
    return _session(kept[lake])


def _session(attached: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection to the same DuckDB; it asks the catalog whether it is there."""
    session = attached.cursor()
    session.execute("USE warehouse")
    return session


def forget_full_lakes() -> None:
    """Attach anew next time what keeps much in memory.

    DuckDB keeps what it has read of an object store, up to its ``memory_limit``: beside the vectors
    and models of the step. To have it empty that cache while a session reads would not be safe.
    """
    with suppress(duckdb.Error):  # one that does not answer is attached anew anyway
        for attached in (_kept.get() or {}).values():
            if attached.execute(HELD).fetchall()[0][0] > MOST_BYTES:
                forget_lakes()
                return


def forget_lakes() -> None:
    """Attach anew next time: what is attached may not recover from a failure."""
    kept = _kept.get() or {}
    while kept:
        kept.popitem()[1].close()
