"""Prefect tasks: thin glue between the library and the warehouse."""
