"""How many tokens a batch should have on a device: found by a short probe, and remembered."""

import json
import os
import statistics
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

GOOD_ENOUGH = 0.97
"""The smallest budget that is nearly the fastest: it pads least and needs least memory."""
FALLING = 0.9
"""A budget this much slower than the best before it: larger ones are not tried."""
ROUNDS = 5
"""Trials of each budget, in turns: what else the machine does meets all of them alike."""
TRUSTED_FOR = timedelta(days=30)
"""Age after which a finding is measured anew: drivers, libraries and neighbours change."""


def probe_budget(tokens_per_second: Callable[[int], float], candidates: Iterable[int]) -> int:
    """The smallest budget within 3 % of the fastest, by the median of interleaved trials.

    Args:
        tokens_per_second: speed of batches of so many tokens; 0 where memory does not hold them.
        candidates: budgets, ascending.
    """
    trials: dict[int, list[float]] = {}
    for budget in candidates:
        trials[budget] = [tokens_per_second(budget)]
        if trials[budget][0] < FALLING * max(speeds[0] for speeds in trials.values()):
            break
    for _ in range(ROUNDS - 1):
        for budget, speeds in trials.items():
            if speeds[0] > 0:
                speeds.append(tokens_per_second(budget))
    medians = {budget: statistics.median(speeds) for budget, speeds in trials.items()}
    fastest = max(medians.values())
    return min(budget for budget, speed in medians.items() if speed >= GOOD_ENOUGH * fastest)


class RememberedBudgets:
    """Budgets in a JSON file, by what was probed: a model on a device."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, key: str) -> int | None:
        """The budget of this key; none before a probe, a month after it, or in a damaged file."""
        match self._read().get(key):
            case {"budget": int(budget), "measured_at": str(moment)} if budget > 0:
                return budget if _is_recent(moment) else None
        return None

    def remember(self, key: str, budget: int) -> None:
        """Keep the budget of this key, in place of any other."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        found = {"budget": budget, "measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        draft.write_text(json.dumps(self._read() | {key: found}, indent=2), encoding="utf-8")
        draft.replace(self._file)

    def _read(self) -> dict[str, object]:
        if not self._file.is_file():  # a pipe would be waited for
            return {}
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def _is_recent(moment: str) -> bool:
    try:
        age = datetime.now(UTC) - datetime.fromisoformat(moment)
    except (ValueError, TypeError):
        return False
    return timedelta(0) <= age <= TRUSTED_FOR
