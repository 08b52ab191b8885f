"""Looking into a lake, and clearing what is no longer needed of it."""

from datetime import datetime

import duckdb

from warehouse.lake.lake import Lake, explained
from warehouse.lake.opening import (
    connect_lake,
    has_catalog,
    is_half_restored,
    refuse_to_begin_anew,
)
from warehouse.schema import migrations


def look_into_lake(lake: Lake) -> tuple[int, int] | None:
    """How many posts a lake has, and how many migrations it lacks; ``None``: there is no lake yet.

    Raises:
        WarehouseUnreachableError: the catalog does not answer.
        WarehouseError: it cannot be used, or is missing where there was a warehouse.
    """
    if not has_catalog(lake) and not is_half_restored(lake):
        refuse_to_begin_anew(lake)
        return None
    try:
        with connect_lake(lake) as connection:
            posts = _read(connection, "posts", "count(*)")
            # Read, not counted, which the catalog would do alone: the data has to answer, too.
            applied = _read(connection, "schema_migrations", "version")
    except duckdb.Error as error:
        raise explained(lake, error) from None  # as when it is opened
    return int(posts[0][0]) if posts else 0, max(len(migrations()) - len(applied), 0)


def _read(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> list[tuple[int]]:
    """A column of a table of the lake; nothing where the table is not made yet."""
    try:
        return connection.execute(f"SELECT {column} FROM {table}").fetchall()  # noqa: S608 - ours
    except duckdb.CatalogException:
        return []


def compact_lake(lake: Lake, until: datetime, *, with_orphans: bool) -> tuple[int, int]:
    """Merge small files, forget old states, and delete files that neither needs.

    What is merged or forgotten now is deleted by a later call, whose ``until`` is after this one:
    readers of an old state go on, and copies of the catalog stay whole.

    Args:
        lake: the lake; nobody else writes.
        until: states, and files out of use, from before this moment go.
        with_orphans: delete files from before ``until`` that the catalog has never known, too, as
            killed writers leave them.

    Returns:
        Files that were merged into others, and files deleted.
    """
    cutoff = f"older_than => TIMESTAMPTZ '{until.isoformat()}'"
    try:
        with connect_lake(lake) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            _call(connection, "expire_snapshots", cutoff)
            merged = _call(connection, "merge_adjacent_files")
            rewritten = _call(connection, "rewrite_data_files")
            removed = _call(connection, "cleanup_old_files", cutoff)
            if with_orphans:
                removed += _call(connection, "delete_orphaned_files", cutoff)
    except duckdb.Error as error:
        raise explained(lake, error) from None  # as when it is opened
    return sum(int(row[2]) for row in merged + rewritten), len(removed)


def _call(
    connection: duckdb.DuckDBPyConnection, procedure: str, *arguments: str
) -> list[tuple[str, str, int]]:
    """Read to the end: a result that is left keeps a transaction of the catalog open."""
    listed = ", ".join(("'warehouse'", *arguments))
    return connection.execute(f"CALL ducklake_{procedure}({listed})").fetchall()
