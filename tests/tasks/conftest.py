"""What several tests of tasks share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.vk import FakeVk, serving
from warehouse.database import open_warehouse


@pytest.fixture
def vk() -> Iterator[FakeVk]:
    """VK's API, on this machine."""
    with serving(FakeVk()) as fake:
        yield fake


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy: faster than migrating one for each test."""
    path = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    with open_warehouse(path):
        return path


@pytest.fixture
def home(tmp_path: Path, empty_warehouse: Path) -> Path:
    """A home with an empty warehouse."""
    directory = tmp_path / "home"
    directory.mkdir()
    shutil.copy(empty_warehouse, directory / "warehouse.duckdb")
    return directory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where to write a data set."""
    return tmp_path / "posts.csv"
