"""The DuckDB warehouse: the only place with SQL. No Prefect, no torch, no vkflow."""

from warehouse.memory import let_duckdb_return_memory

let_duckdb_return_memory()
