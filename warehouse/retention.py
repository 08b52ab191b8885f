"""What may be deleted, and deleting it; and writing the file anew without its gaps."""

import os
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.database import ROW_GROUP_ROWS, STORAGE_VERSION, explained, transaction
from warehouse.reading import first_row
from warehouse.schema import query


def count_superfluous_snapshots(connection: duckdb.DuckDBPyConnection, cutoff: datetime) -> int:
    """How many snapshots of posts published before ``cutoff`` no label and no history needs."""
    _select_superfluous(connection, cutoff)
    row = first_row(connection.execute("SELECT count(*) FROM superfluous"))
    return int(row[0]) if row else 0


def delete_superfluous_snapshots(connection: duckdb.DuckDBPyConnection, cutoff: datetime) -> None:
    """Delete them; labels stay as they are."""
    with transaction(connection):
        _select_superfluous(connection, cutoff)
        connection.execute(
            "DELETE FROM snapshots USING superfluous WHERE snapshots.owner_id = "
            "superfluous.owner_id AND snapshots.post_id = superfluous.post_id AND "
            "snapshots.observed_at = superfluous.observed_at"
        )


def _select_superfluous(connection: duckdb.DuckDBPyConnection, cutoff: datetime) -> None:
    statement = query("superfluous_snapshots")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE superfluous AS {statement}", {"cutoff": cutoff}
    )


def unneeded_models(connection: duckdb.DuckDBPyConnection, cutoff: datetime) -> list[str]:
    """Bundles made before ``cutoff`` that were turned down and predicted nothing that is kept."""
    rows = connection.execute(query("unneeded_models"), {"cutoff": cutoff}).fetchall()
    return [str(version) for (version,) in rows]


def wanted_images(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Hashes of the pictures posts show, or showed before an edit."""
    rows = connection.execute("SELECT DISTINCT image_hash FROM shown_images").fetchall()
    return {str(image_hash) for (image_hash,) in rows}


def compact(path: Path) -> int:
    """Write the file anew without the gaps that deleting leaves; it is replaced in one step.

    Nobody else may have it open, which the writer lock sees to.

    Returns:
        Bytes won.

    Raises:
        WarehouseError: it cannot be read, or there is no room for another one; nothing is changed.
    """
    before = path.stat().st_size
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    source, target = (str(file).replace("'", "''") for file in (path, draft))
    try:
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{source}' AS old (READ_ONLY)")
            connection.execute(
                f"ATTACH '{target}' AS new "
                f"(STORAGE_VERSION '{STORAGE_VERSION}', ROW_GROUP_SIZE {ROW_GROUP_ROWS})"
            )
            connection.execute("COPY FROM DATABASE old TO new")
            connection.execute("DETACH new")
        draft.replace(path)
    except duckdb.Error as error:  # of a full disk the transaction tells
        raise explained(path, error) from error
    finally:
        for file in (draft, draft.with_name(f"{draft.name}.wal")):
            file.unlink(missing_ok=True)
    return before - path.stat().st_size
