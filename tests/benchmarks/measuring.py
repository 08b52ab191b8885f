"""How the benchmarks measure: interleaved runs, medians, peaks of memory, rows of a table."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        work: what was done.
        ours: our figure, in ``unit``.
        unit: of both figures.
        against: what it is compared with: a peer, or a limit.
        theirs: its figure, in ``unit``; None where the goal is a bound of our own figure.
        figure: what the goal speaks of, mostly the ratio of the two figures.
        goal: bound of ``figure``; None: a figure to know, without a goal.
        at_most: whether the goal is an upper bound.
    """

    work: str
    ours: float
    unit: str
    against: str
    theirs: float | None
    figure: float
    goal: float | None
    at_most: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the goal is met; true without one."""
        if self.goal is None:
            return True
        return bool(self.figure <= self.goal if self.at_most else self.figure >= self.goal)


def faster(work: str, ours: float, against: str, theirs: float, goal: float) -> Row:
    """A row of two durations: the figure says how many times faster ours is."""
    return Row(work, ours, "s", against, theirs, theirs / ours, goal)


def interleaved(
    runs: Mapping[str, Callable[[], object]], repeats: int, *, warm: bool = True
) -> dict[str, float]:
    """Median seconds of each run, taken in turns, so that a noisy minute meets all of them.

    Args:
        runs: what to run, by name.
        repeats: of each.
        warm: run each once unmeasured before.
    """
    if warm:
        for run in runs.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            seconds[name].append(timed(run))
    return {name: statistics.median(times) for name, times in seconds.items()}


def timed(run: Callable[[], object]) -> float:
    """Seconds of one run."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def forget_peak_memory() -> None:
    """Begin to measure the peak of this process anew."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> float:
    """The most memory this process held, in MiB."""
    status = Path("/proc/self/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024
