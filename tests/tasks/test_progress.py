import logging
import time

import pytest

from tasks.progress import progress


def test_without_a_terminal_a_line_says_how_far_a_step_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vkflow")
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with progress("texts embedded", 1_000) as advance:
        for _ in range(10):
            clock[0] += 16.0
            advance(50)
    assert [record.getMessage() for record in caplog.records] == [
        "texts embedded: 100 of 1000, 3.12 a second, 5 min left",
        "texts embedded: 200 of 1000, 3.12 a second, 4 min left",
        "texts embedded: 300 of 1000, 3.12 a second, 4 min left",
        "texts embedded: 400 of 1000, 3.12 a second, 3 min left",
        "texts embedded: 500 of 1000, 3.12 a second, 3 min left",
    ]
