"""The DuckDB warehouse: the only place with SQL. No Prefect, no torch, no vkflow.

Start with ``database``, how it is opened and migrated, then ``posts`` and ``features``; longer SQL
is in ``migrations``, ``views`` and ``queries``. README.md explains every column.
"""

from warehouse.memory import let_duckdb_return_memory

let_duckdb_return_memory()
