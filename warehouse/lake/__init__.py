"""The tables in a DuckLake: its catalog in PostgreSQL, its data in a folder or an object store."""
