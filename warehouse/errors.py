"""What can go wrong with the warehouse, each with the way out in its message."""


class WarehouseError(Exception):
    """Base of the warehouse's errors."""


class WarehouseLockedError(WarehouseError):
    """Another process holds the file; waiting longer may help."""


class WarehouseUnreachableError(WarehouseError):
    """The server that has the catalog does not answer; trying later may help."""


class WarehouseNewerError(WarehouseError):
    """The file was written by a newer vkflow than this one."""


class WarehouseDamagedError(WarehouseError):
    """The file is not a DuckDB database, or cannot be read to its end."""


class QueryError(WarehouseError):
    """A query somebody typed does not run."""


class WriterLockedError(WarehouseError):
    """Another flow writes in this home."""


class WriterLostError(WarehouseError):
    """This run is no longer the writer of its home: it must not write any more."""


class DiskFullError(WarehouseError, OSError):
    """There is no room for a file; nothing is left half-written."""
