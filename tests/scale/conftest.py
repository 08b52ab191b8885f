import socket
from importlib.util import find_spec

import pytest


@pytest.fixture(autouse=True, scope="module")
def _alone() -> None:
    """Ray listens on every interface: never beside others."""
    for package in ("ray", "s3fs"):
        if find_spec(package) is None:  # not imported: that is the engine's to do
            pytest.skip(f"{package} of the extra vkflow[scale] is not installed")
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        pytest.skip("needs a network of its own: make test-scale")
