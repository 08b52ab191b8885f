"""A night killed at any moment and started again gives what an undisturbed one gives."""

from pathlib import Path

import pytest

from tests.flows.killing import run_killed_nights


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_nights_end_like_an_undisturbed_one_and_readers_never_notice(
    prefect_server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    outcome = run_killed_nights(tmp_path, kills=4, posts=350)
    assert outcome.kills == 4
    assert outcome.differences == []
    assert outcome.read_errors == [] and outcome.reads > 20
    assert outcome.rows > 5_000
