"""Double numbers on Ray in a process that tests may kill: HOME FAULT SECONDS DIARY."""

import signal
import sys
from pathlib import Path

from tasks.working import work_off
from tests.fakes.doubling import Doubling
from tests.fakes.numbers import Numbers
from vkflow.settings import load_settings


def cancel(_signal: int, _frame: object) -> None:
    """What Prefect's handler does, too: end the run with an exception."""
    raise SystemExit("cancelled")


if __name__ == "__main__":
    home, fault, seconds, journal = sys.argv[1:]
    signal.signal(signal.SIGTERM, cancel)
    numbers = Numbers(load_settings(home=home, engine="ray"))
    work_off(
        numbers.settings,
        numbers.work(Doubling(fault, seconds=float(seconds), journal=Path(journal))),
    )
