import socket
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fakes.lakes import Lakes
from tests.fakes.postgres import Postgres
from warehouse.lake.lake import Lake


@pytest.fixture(autouse=True, scope="module")
def _alone() -> None:
    """Ray listens on every interface: never beside others."""
    for package in ("ray", "s3fs"):
        if find_spec(package) is None:  # not imported: that is the engine's to do
            pytest.skip(f"{package} of the extra vkflow[scale] is not installed")
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        pytest.skip("needs a network of its own: make test-scale")


@pytest.fixture
def lakes(postgres: Postgres, tmp_path: Path) -> Lakes:
    return Lakes(postgres, str(tmp_path / "data"))


@pytest.fixture
def lake(lakes: Lakes, tmp_path: Path) -> Iterator[Lake]:
    made = lakes.new(tmp_path / "home")
    yield made
    lakes.drop(made)
