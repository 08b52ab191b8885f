"""How many tokens a batch should have on a device: found by a short probe, and remembered."""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

GOOD_ENOUGH = 0.97
"""The smallest budget that is nearly the fastest: it pads least and needs least memory."""
FALLING = 0.9
"""A budget this much slower than the best before it: larger ones are not tried."""


def probe_budget(tokens_per_second: Callable[[int], float], candidates: Iterable[int]) -> int:
    """The smallest budget within 3 % of the fastest.

    Args:
        tokens_per_second: speed of batches of so many tokens; 0 where memory does not hold them.
        candidates: budgets, ascending.
    """
    speeds: dict[int, float] = {}
    for budget in candidates:
        speeds[budget] = tokens_per_second(budget)
        if speeds[budget] < FALLING * max(speeds.values()):
            break
    fastest = max(speeds.values())
    return min(budget for budget, speed in speeds.items() if speed >= GOOD_ENOUGH * fastest)


class RememberedBudgets:
    """Budgets in a JSON file, by what was probed: a model on a device."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, key: str) -> int | None:
        """The budget of this key; none before a probe, or when the file is damaged."""
        budget = self._read().get(key)
        return budget if isinstance(budget, int) and budget > 0 else None

    def remember(self, key: str, budget: int) -> None:
        """Keep the budget of this key, in place of any other."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        draft.write_text(json.dumps(self._read() | {key: budget}, indent=2), encoding="utf-8")
        draft.replace(self._file)

    def _read(self) -> dict[str, object]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}
