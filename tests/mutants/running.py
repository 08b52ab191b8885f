"""Running tests on a copy of the code, so that nothing here is touched."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.catalogue import Mutant

COPIED = ("flows", "tasks", "vkflow", "warehouse", "tests", "pyproject.toml")
CAUGHT, SURVIVED, BROKEN = "caught", "SURVIVED", "BROKEN"
"""A mutant whose tests cannot even be run proves nothing: it is broken."""
VERDICTS = {0: SURVIVED, 1: CAUGHT}
MAX_SECONDS = 400
"""For a file of tests, or one test."""
PYTEST = (
    "-x", "-q", "-p", "no:cacheprovider", "-n", "0", "-m", "not slow and not browser and not scale",
    "--hypothesis-seed=0",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant."""

    name: str
    verdict: str
    seconds: float


def run_mutants(
    root: Path, mutants: Sequence[Mutant], jobs: int, tell: Callable[[Outcome], None]
) -> list[Outcome]:
    """Run each mutant's tests with it planted in a copy of its own."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:

        def run(mutant: Mutant) -> Outcome:
            place = Path(folder) / mutant.name
            code, seconds, _ = run_tests(root, place, mutant.tests, mutant.apply)
            outcome = Outcome(mutant.name, VERDICTS.get(code, BROKEN), seconds)
            tell(outcome)
            return outcome

        return list(pool.map(run, mutants))


def run_tests(
    root: Path, place: Path, tests: Sequence[str], plant: Callable[[Path], None]
) -> tuple[int, float, str]:
    """Copy the code, plant a defect, run tests there, and remove the copy.

    Returns:
        pytest's exit code (124: it took too long), seconds, the end of what it printed.
    """
    start = time.perf_counter()
    place.mkdir()
    for name in COPIED:
        if (root / name).is_dir():
            shutil.copytree(root / name, place / name)
        elif (root / name).exists():
            shutil.copy2(root / name, place / name)
    plant(place)
    command = [sys.executable, "-m", "pytest", *PYTEST, f"--basetemp={place / 'tmp'}", *tests]
    # The copy comes before an installed checkout.
    environment = os.environ | {"PYTHONPATH": str(place)}
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS * len(tests),
            check=False,
        )
        code, output = done.returncode, done.stdout[-3_000:] + done.stderr[-1_000:]
    except subprocess.TimeoutExpired:
        code, output = 124, "it took too long"
    shutil.rmtree(place, ignore_errors=True)
    return code, time.perf_counter() - start, output
