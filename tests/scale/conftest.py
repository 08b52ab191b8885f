import socket
from importlib.util import find_spec

import pytest


@pytest.fixture(autouse=True)
def _alone() -> None:
    """Ray listens on every interface: never beside others."""
    if find_spec("ray") is None:  # not imported: that is the engine's to do
        pytest.skip("the extra vkflow[ray] is not installed")
    if {name for _, name in socket.if_nameindex()} != {"lo"}:
        pytest.skip("needs a network of its own: make test-scale")
