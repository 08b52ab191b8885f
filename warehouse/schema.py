"""Numbered migrations, each applied once, and the views, which follow the code."""

import hashlib
from pathlib import Path

import duckdb

from warehouse.errors import WarehouseError, WarehouseNewerError

FOLDER = Path(__file__).parent


def migrations() -> dict[int, Path]:
    """The migration files by number, ascending."""
    files = sorted((FOLDER / "migrations").glob("[0-9][0-9][0-9][0-9]_*.sql"))
    return {int(file.name[:4]): file for file in files}


def migrate(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Apply the migrations the database does not have yet, each in its own transaction.

    Returns:
        The numbers applied now.

    Raises:
        WarehouseNewerError: the database has migrations this code does not know.
        WarehouseError: something of somebody else is in the way of one.
    """
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations "
        "(version INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL)"
    )
    applied, known = applied_migrations(connection), migrations()
    missing = [version for version in known if version not in applied]
    for version in missing:
        _apply(connection, version, known[version])
    return missing


def applied_migrations(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """The numbers of those that a warehouse has.

    Raises:
        WarehouseNewerError: this code does not know one of them.
        WarehouseError: the table of them is somebody else's.
    """
    try:
        rows = connection.execute("SELECT version::INTEGER FROM schema_migrations").fetchall()
    except (duckdb.BinderException, duckdb.ConversionException) as error:
        raise WarehouseError(
            f"the table schema_migrations is somebody else's ({str(error).partition(chr(10))[0]}); "
            f"`vkflow restore` puts the newest backup in the place of the warehouse"
        ) from error
    applied, known = {version for (version,) in rows}, migrations()
    if unknown := applied - known.keys():
        raise WarehouseNewerError(
            f"the warehouse has schema version {max(unknown)}, this vkflow knows up to "
            f"{max(known)}: it was written by a newer vkflow. Upgrade this one."
        )
    return applied


def _apply(connection: duckdb.DuckDBPyConnection, version: int, file: Path) -> None:
    connection.execute("BEGIN TRANSACTION")
    try:
        connection.execute(file.read_text(encoding="utf-8"))
        connection.execute(
            "INSERT INTO schema_migrations VALUES (?, ?, now())", [version, file.stem[5:]]
        )
    except BaseException as error:
        connection.execute("ROLLBACK")
        if isinstance(error, duckdb.CatalogException) and "does not exist" not in str(error):
            raise WarehouseError(
                f"migration {file.stem} cannot be applied, and nothing has changed: "
                f"{str(error).partition(chr(10))[0]} If you have made it, give it another name."
            ) from error
        raise
    connection.execute("COMMIT")


def create_views(connection: duckdb.DuckDBPyConnection, group: str) -> None:
    """Create the views of ``group``, a folder of ``views/``."""
    for statement in _view_statements(group):
        connection.execute(statement)


def refresh_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the views of the warehouse, unless they are as in the code."""
    statements = [*_view_statements("derived"), *_view_statements("shared")]
    digest = hashlib.sha256("\0".join(statements).encode()).hexdigest()
    stored = connection.execute("SELECT value FROM constants WHERE name = 'views'").fetchall()
    if stored == [(digest,)]:
        return
    connection.execute("BEGIN TRANSACTION")
    for statement in statements:
        connection.execute(statement)
    connection.execute("DELETE FROM constants WHERE name = 'views'")
    connection.execute("INSERT INTO constants VALUES ('views', ?)", [digest])
    connection.execute("COMMIT")


def _view_statements(group: str) -> list[str]:
    files = sorted((FOLDER / "views" / group).glob("*.sql"))
    return [file.read_text(encoding="utf-8") for file in files]


def query(name: str) -> str:
    """The text of ``queries/<name>.sql``."""
    return (FOLDER / "queries" / f"{name}.sql").read_text(encoding="utf-8")
