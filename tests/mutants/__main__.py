"""Plant each defect in a copy of the code, and see whether its tests notice.

``python -m tests.mutants [--jobs N] [NAME …]``; without names all of them.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.mutants.catalogue import ROOT, read_mutants
from tests.mutants.running import CAUGHT, Outcome, run_mutants, run_tests


def main() -> int:
    """Print a table; 0 if every defect was noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="of mutants; all without any")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    wanted = parser.parse_args()
    mutants = [m for m in read_mutants() if not wanted.names or m.name in wanted.names]
    if problems := [problem for mutant in mutants if (problem := mutant.problem())]:
        _say("\n".join(problems))
        return 1
    with tempfile.TemporaryDirectory() as folder:
        tests = sorted({test for mutant in mutants for test in mutant.tests})
        code, seconds, output = run_tests(ROOT, Path(folder) / "sound", tests, lambda _: None)
    if code != 0:
        _say(f"the tests do not pass without a defect:\n{output}")
        return 1
    _say(f"{len(tests)} tests and files pass without a defect ({seconds:.0f} s)\n")
    outcomes = run_mutants(ROOT, mutants, wanted.jobs, _tell)
    missed = [outcome.name for outcome in outcomes if outcome.verdict != CAUGHT]
    total = sum(outcome.seconds for outcome in outcomes)
    _say(f"\n{len(outcomes) - len(missed)} of {len(outcomes)} caught, {total:.0f} s of work")
    if missed:
        _say("not caught: " + ", ".join(missed))
    return 1 if missed else 0


def _tell(outcome: Outcome) -> None:
    _say(f"{outcome.verdict:9} {outcome.seconds:5.0f} s  {outcome.name}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
