"""Pull, publish, maintenance and restore, killed at any moment, lose nothing."""

from pathlib import Path

import pytest

from tests.flows.killing_steps import run_killed_steps


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_steps_lose_nothing_and_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    assert run_killed_steps(tmp_path, kills=8, posts=400).total() == 8
