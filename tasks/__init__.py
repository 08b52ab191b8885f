"""Prefect tasks: thin glue between the library and the warehouse.

A task reads a work list from the warehouse, calls the library, and writes the result back; tasks
pass ids, paths and counts to each other, never frames. May import ``vkflow`` and ``warehouse``, not
``flows``. Start with ``step``, what all tasks share, then ``pulling`` and ``scoring``.
"""

import warehouse  # noqa: F401 - before DuckDB is imported: it speaks to DuckDB's allocator
