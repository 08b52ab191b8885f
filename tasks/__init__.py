"""Prefect tasks: thin glue between the library and the warehouse."""

import warehouse  # noqa: F401 - before DuckDB is imported: it speaks to DuckDB's allocator
