"""What several tests of flows share."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Nights


@pytest.fixture
def home(nights: Nights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a home after two nights, to change; runs of this test use it."""
    folder = tmp_path / "home"
    shutil.copytree(nights.home, folder)
    monkeypatch.setenv("VKFLOW_HOME", str(folder))
    monkeypatch.setenv("VKFLOW_TRAINING__ITERATIONS", "50")
    return folder
