import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from tests.fakes.lakes import Lakes
from tests.fakes.object_store import ENVIRONMENT, running_object_store
from warehouse.database import open_warehouse
from warehouse.lake.lake import Lake

Add = Callable[..., None]
"""Insert rows, given as dictionaries; columns left out have a default."""

NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
POST = {
    "owner_id": -1,
    "published_at": None,
    "text": "",
    "text_hash": "empty",
    "image_hash": None,
    "is_ad": False,
    "source": "test",
    "first_seen_at": NIGHT,
    "updated_at": NIGHT,
}
PREDICTION = {
    "owner_id": -1,
    "activity": "like",
    "model_version": "m1",
    "run_id": "r1",
    "predicted_by": "model",
}


def waiting(work_list: Callable[..., Iterator[pl.DataFrame]], *arguments: Any) -> list[str]:
    """What a work list names, in its order: its last column, all parts together."""
    return [row[-1] for rows in work_list(*arguments) for row in rows.rows()]


@pytest.fixture(scope="session")
def lakes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lakes | None]:
    """Where the warehouses of these tests are made with ``--lake``; else ``None``: in files."""
    kind = request.config.getoption("--lake")
    if kind is None:
        yield None
        return
    postgres, folder = request.getfixturevalue("postgres_server"), tmp_path_factory.mktemp("lakes")
    if kind == "folder":
        yield Lakes(postgres, str(folder))
        return
    os.environ |= ENVIRONMENT
    with running_object_store(folder) as bucket:
        yield Lakes(postgres, bucket)


@pytest.fixture(autouse=True)
def _about_the_file(request: pytest.FixtureRequest) -> None:
    """With ``--lake`` these are left out, and those of whole nights, which are in files."""
    is_file = request.node.get_closest_marker("file") or "nights" in request.fixturenames
    if is_file and request.config.getoption("--lake"):
        pytest.skip("about the file itself")


@pytest.fixture
def path(tmp_path: Path, lakes: Lakes | None) -> Iterator[Path | Lake]:
    """The file, not made yet; or an empty lake."""
    if lakes is None:
        yield tmp_path / "warehouse.duckdb"
        return
    lake = lakes.empty(tmp_path)
    yield lake
    lakes.drop(lake)


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: faster than migrating one for each test."""
    path = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    with open_warehouse(path):
        return path


@pytest.fixture
def connection(path: Path | Lake, empty_warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    if isinstance(path, Path):
        shutil.copy(empty_warehouse, path)
    with open_warehouse(path) as opened:
        yield opened


def _adder(connection: duckdb.DuckDBPyConnection, table: str, defaults: dict[str, Any]) -> Add:
    def add(*rows: dict[str, Any]) -> None:
        frame = pl.DataFrame([{**defaults, **row} for row in rows], infer_schema_length=None)
        connection.register("rows", frame.to_arrow())
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM rows")
        connection.unregister("rows")

    return add


@pytest.fixture
def add_posts(connection: duckdb.DuckDBPyConnection) -> Add:
    return _adder(connection, "posts", POST)


@pytest.fixture
def add_snapshots(connection: duckdb.DuckDBPyConnection) -> Add:
    return _adder(connection, "snapshots", {"owner_id": -1})


@pytest.fixture
def add_predictions(connection: duckdb.DuckDBPyConnection) -> Add:
    return _adder(connection, "predictions", PREDICTION)


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Where to publish."""
    return tmp_path / "it's published" / "predictions.duckdb"


@pytest.fixture
def filled(
    connection: duckdb.DuckDBPyConnection, add_posts: Add, add_snapshots: Add, add_predictions: Add
) -> duckdb.DuckDBPyConnection:
    """A warehouse to publish: two posts, one with counts and a prediction; a vector."""
    moment = NIGHT.replace(hour=3)
    add_posts({"post_id": 1, "text": "cat"}, {"post_id": 2, "text": "dog"})
    add_snapshots({"post_id": 1, "observed_at": moment, "views": 100, "likes": 25})
    add_predictions({"post_id": 1, "probability": 0.5, "scored_at": moment})
    connection.execute("INSERT INTO text_embeddings VALUES ('h', 'e', [1, 2], 2, false)")
    return connection
