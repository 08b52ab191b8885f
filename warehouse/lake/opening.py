"""Opening a DuckLake as the database in use.

Nothing is inlined into the catalog: of rows that DuckLake keeps there until they are many, some are
lost when the table they waited in cannot be dropped in time.
"""

import importlib.util
import os
from pathlib import Path

import duckdb

from warehouse.errors import WarehouseError
from warehouse.lake.lake import EXTRA, NETWORK, Lake, connect_catalog, explained, fields_of

IN_SECRET = {
    "host": "HOST",
    "port": "PORT",
    "dbname": "DATABASE",
    "user": "USER",
    "password": "PASSWORD",
}
"""Fields of the URL that DuckDB takes as a secret; it quotes the others in messages."""

S3_SECRET = {
    "KEY_ID": ("AWS_ACCESS_KEY_ID",),
    "SECRET": ("AWS_SECRET_ACCESS_KEY",),
    "SESSION_TOKEN": ("AWS_SESSION_TOKEN",),
    "REGION": ("AWS_REGION", "AWS_DEFAULT_REGION"),
}
"""Fields of DuckDB's secret, and the variables of AWS that have them."""

TRACES = (
    "warehouse.duckdb",
    "backups/warehouse-*.duckdb",
    "backups/warehouse-*.lake",
    "published/*.duckdb",
)
"""What a warehouse leaves in its home."""

UNFINISHED = "vkflow_unfinished_restore"
"""A table beside the catalog while the first rows of a lake are put into it."""


def connect_lake(lake: Lake, *, begin_anew: bool = False) -> duckdb.DuckDBPyConnection:
    """Attach the lake, made when missing, as the database in use.

    Args:
        lake: the lake.
        begin_anew: make it though a warehouse has left its traces.

    Raises:
        WarehouseUnreachableError: the catalog does not answer.
        WarehouseError: it cannot be used, or is missing where there was a warehouse.
    """
    is_there = has_catalog(lake)
    if not begin_anew:
        _refuse_half_restored(lake)
        if not is_there:
            refuse_to_begin_anew(lake)
    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": str(lake.home / "warehouse.tmp"),
        }
    )
    try:
        _load_extensions(connection, lake)
        if not is_there and not begin_anew:
            _refuse_strange_files(connection, lake)
        _attach(connection, lake)
        if not is_there:
            connection.execute("CALL warehouse.set_option('data_inlining_row_limit', 0)")
    except duckdb.Error as error:
        connection.close()
        raise explained(lake, error) from None  # a statement it quotes may have the password
    except BaseException:
        connection.close()
        raise
    return connection


def has_catalog(lake: Lake) -> bool:
    """Whether the database has the catalog of a DuckLake.

    Raises:
        WarehouseUnreachableError: it does not answer.
        WarehouseError: it refuses.
    """
    return _has_table(lake, "ducklake_metadata")


def is_half_restored(lake: Lake) -> bool:
    """Whether a restore into an empty database was begun and has not ended.

    Raises:
        WarehouseUnreachableError: it does not answer.
        WarehouseError: it refuses.
    """
    return _has_table(lake, UNFINISHED)


def _has_table(lake: Lake, name: str) -> bool:
    with connect_catalog(lake) as catalog:
        return catalog.execute("SELECT to_regclass(%s)", [f"public.{name}"]).fetchall() != [(None,)]


def extension_file(name: str) -> Path:
    """An extension of DuckDB out of its Python package: nothing is downloaded.

    Raises:
        WarehouseError: the package is not installed, or is for another DuckDB.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        raise WarehouseError(EXTRA)
    folder = Path(spec.origin).parent / "extensions"
    file = folder / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.is_file():
        raise WarehouseError(
            f"the package duckdb-extension-{name.replace('_', '-')} is for another version than "
            f"DuckDB {duckdb.__version__}: install both as in constraints.txt"
        )
    return file


def _load_extensions(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    is_remote = lake.data.startswith("s3://")
    for name in ("postgres_scanner", "ducklake", *(["httpfs"] if is_remote else [])):
        connection.execute(f"LOAD {_quoted(str(extension_file(name)))}")
    if is_remote:
        _create_secret(connection, "data", "s3", s3_fields())


def _attach(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    known = NETWORK | {"application_name": "vkflow"} | fields_of(lake)
    secret = {IN_SECRET[name]: value for name, value in known.items() if name in IN_SECRET}
    _create_secret(connection, "catalog", "postgres", secret)
    others = " ".join(
        f"{name}={_libpq_quoted(value)}" for name, value in known.items() if name not in IN_SECRET
    )
    connection.execute(
        f"ATTACH {_quoted(f'ducklake:postgres:{others}')} AS warehouse (META_SECRET 'catalog', "
        f"DATA_PATH {_quoted(lake.data)}, DATA_INLINING_ROW_LIMIT 0)"
    )
    connection.execute("USE warehouse")


def s3_fields() -> dict[str, str]:
    """What DuckDB needs to know of an object store, from the variables of AWS."""
    found = {
        key: next((os.environ[name] for name in names if os.environ.get(name)), None)
        for key, names in S3_SECRET.items()
    }
    fields = {key: value for key, value in found.items() if value is not None}
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        scheme, _, host = endpoint.rpartition("://")
        fields |= {
            "ENDPOINT": host.rstrip("/"),
            "URL_STYLE": "path",
            "USE_SSL": "false" if scheme == "http" else "true",
        }
    return fields


def _create_secret(
    connection: duckdb.DuckDBPyConnection, name: str, kind: str, fields: dict[str, str]
) -> None:
    values = "".join(f", {field} {_quoted(value)}" for field, value in fields.items())
    connection.execute(f"CREATE SECRET {name} (TYPE {kind}{values})")


def refuse_to_begin_anew(lake: Lake) -> None:
    """An empty warehouse where there was one would be published, and take the place of copies.

    Raises:
        WarehouseError: there was one.
    """
    remains = (file for trace in TRACES for file in sorted(lake.home.glob(trace)))
    if (found := next(remains, None)) is not None:
        raise WarehouseError(
            f"{lake} is empty, but {found} says that there was a warehouse. `vkflow restore` "
            f"puts the newest backup into the lake, be it of a file. To begin anew, move "
            f"{found.name} elsewhere first."
        )


def _refuse_half_restored(lake: Lake) -> None:
    """Its catalog may be empty: a run would begin anew, and maintenance delete all of its data."""
    if is_half_restored(lake):
        raise WarehouseError(
            f"{lake} is not whole: a restore into it did not end. Run `vkflow restore` again, with "
            f"the same backup or another"
        )


def _refuse_strange_files(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Maintenance deletes data that its catalog does not know: it must not be another lake's."""
    pattern = f"{lake.data.rstrip('/')}/**/*.parquet"
    found = connection.execute("SELECT file FROM glob(?) LIMIT 1", [pattern]).fetchall()
    if found:
        raise WarehouseError(
            f"{lake.data} has data already ({found[0][0]}) that {lake} does not know: give each "
            f"lake a folder of its own in warehouse.data, or put a backup back with `vkflow "
            f"restore`"
        )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _libpq_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
