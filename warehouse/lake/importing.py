"""A warehouse in a file, copied into a lake."""

from pathlib import Path

import duckdb

from warehouse.errors import WarehouseDamagedError, WarehouseError
from warehouse.schema import migrate, refresh_views

VERSIONS = "SELECT version FROM {}.main.schema_migrations ORDER BY ALL"


def import_file(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Put all rows of a warehouse in a file in the place of the lake's, in one transaction.

    Args:
        connection: the lake, as the database in use.
        file: a DuckDB file that this version has written.

    Raises:
        WarehouseError: it is no warehouse, or another version's; nothing was changed.
        WarehouseDamagedError: it cannot be read; nothing was changed.
    """
    migrate(connection)
    quoted = str(file).replace("'", "''")
    try:
        connection.execute(f"ATTACH '{quoted}' AS file (READ_ONLY)")
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'file' ORDER BY ALL"
        ).fetchall()
        if ("schema_migrations",) not in tables:
            raise WarehouseError(f"{file} is no copy of a warehouse; see `vkflow restore --list`")
        theirs, ours = (
            connection.execute(VERSIONS.format(database)).fetchall()
            for database in ("file", "warehouse")
        )
        if theirs != ours:
            raise WarehouseError(
                f"{file} was written by another version of vkflow: restore it as a file with this "
                f"one (VKFLOW_WAREHOUSE__CATALOG unset), run a night, and restore its backup"
            )
        connection.execute("BEGIN TRANSACTION")
        for (table,) in tables:
            connection.execute(f"DELETE FROM warehouse.main.{table}")  # noqa: S608 - ours
            connection.execute(f"INSERT INTO warehouse.main.{table} BY NAME FROM file.main.{table}")
        # The file says which views it has; the lake may have none.
        connection.execute("DELETE FROM warehouse.main.constants WHERE name = 'views'")
        connection.execute("COMMIT")
    except duckdb.Error as error:
        raise WarehouseDamagedError(f"{file} cannot be copied into the lake: {error}") from error
    refresh_views(connection)
