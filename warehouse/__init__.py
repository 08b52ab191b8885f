"""The DuckDB warehouse: the only place with SQL. No Prefect, no torch, no vkflow."""
