import logging
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.progress import progress
from tasks.pulling import pull_posts
from vkflow.settings import load_settings


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


def test_where_the_end_is_unknown_the_line_says_how_much_is_done(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "vkflow")
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with progress("posts pulled") as advance:
        for _ in range(5):
            clock[0] += 16.0
            advance(50)
    assert [record.getMessage() for record in caplog.records] == [
        "posts pulled: 100 so far, 3.12 a second",
        "posts pulled: 200 so far, 3.12 a second",
    ]


def test_a_slow_pull_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO, "vkflow")
    monkeypatch.setattr("tasks.progress.SECONDS_BETWEEN_LINES", 0.0)
    lacking = ("comment", "share_to_message", "hide", "expand", "open_photo", "open", "photo")
    rows = "".join(f"9,{n},text {n}\n" for n in range(4))
    (tmp_path / "posts.csv").write_text(f"view,like,text\n{rows}")
    settings = load_settings(
        home=tmp_path / "home",
        source="dataset",
        dataset={
            "path": tmp_path / "posts.csv",
            "columns": dict.fromkeys(lacking, ""),
            "chunk_rows": 2,
        },
        images={"tagger": "none"},
    )
    pull_posts.fn(settings, datetime(2026, 11, 2, tzinfo=UTC))
    told = [record.getMessage() for record in caplog.records if "so far" in record.getMessage()]
    assert [line.partition(",")[0] for line in told] == [
        "posts pulled: 2 so far",
        "posts pulled: 4 so far",
    ]
