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


def test_budgets_are_kept_by_key(tmp_path: Path) -> None:
    file = tmp_path / "models" / "budgets.json"
    RememberedBudgets(file).remember("a on gpu", 8_192)
    RememberedBudgets(file).remember("b on cpu", 256)
    found = RememberedBudgets(file)
    assert (found.find("a on gpu"), found.find("b on cpu"), found.find("c")) == (8_192, 256, None)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": -1}', '{"a": "many"}'])
def test_damaged_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "budgets.json"
    file.write_text(content)
    budgets = RememberedBudgets(file)
    assert budgets.find("a") is None
    budgets.remember("a", 512)
    assert budgets.find("a") == 512
