import json
import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vkflow.text.budgets import RememberedBudgets, probe_budget


@pytest.mark.parametrize(
    ("speeds", "best"),
    [
        ({256: 100, 512: 100, 1_024: 100}, 256),
        ({256: 50, 512: 98, 1_024: 100}, 512),
        ({256: 100, 512: 60, 1_024: 500}, 256),  # falling: larger ones are not tried
        ({256: 50, 512: 100, 1_024: 0}, 512),  # out of memory
    ],
)
def test_smallest_budget_near_the_fastest_is_chosen(speeds: dict[int, int], best: int) -> None:
    assert probe_budget(lambda budget: float(speeds[budget]), speeds) == best


def test_a_busy_second_does_not_decide() -> None:
    trials: dict[int, int] = defaultdict(int)

    def speed(budget: int) -> float:
        trials[budget] += 1
        disturbed = (budget, trials[budget]) in {(512, 1), (512, 3), (256, 4)}
        return {256: 70.0, 512: 100.0, 1_024: 90.0}[budget] / (3 if disturbed else 1)

    assert probe_budget(speed, (256, 512, 1_024)) == 512


@pytest.mark.parametrize(("age", "found"), [(29, 512), (31, None), (-1, None)])
def test_an_old_finding_is_measured_anew(tmp_path: Path, age: int, found: int | None) -> None:
    file = tmp_path / "budgets.json"
    moment = (datetime.now(UTC) - timedelta(days=age)).isoformat()
    file.write_text(json.dumps({"a": {"budget": 512, "measured_at": moment}}))
    assert RememberedBudgets(file).find("a") == found


def test_budgets_are_kept_by_key(tmp_path: Path) -> None:
    file = tmp_path / "models" / "budgets.json"
    RememberedBudgets(file).remember("a on gpu", 8_192)
    RememberedBudgets(file).remember("b on cpu", 256)
    found = RememberedBudgets(file)
    assert (found.find("a on gpu"), found.find("b on cpu"), found.find("c")) == (8_192, 256, None)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"a": {"budget": 1, "measured_at": "?"}}',
        '{"a": 512}',
        '{"a": {"budget": "many"}}',
        '{"a": ' + "[" * 100_000,
    ],
)
def test_damaged_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "budgets.json"
    file.write_text(content)
    budgets = RememberedBudgets(file)
    assert budgets.find("a") is None
    budgets.remember("a", 512)
    assert budgets.find("a") == 512


def test_a_pipe_in_its_place_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "budgets.json")
    budgets = RememberedBudgets(tmp_path / "budgets.json")
    assert budgets.find("a") is None
    budgets.remember("a", 512)
    assert budgets.find("a") == 512
