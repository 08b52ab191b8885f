"""The defects are in step with the code, and the runner tells what was noticed.

`make test-mutants` plants them.
"""

from pathlib import Path

import pytest

from tests.mutants.catalogue import Mutant, read_mutants
from tests.mutants.running import BROKEN, CAUGHT, SURVIVED, run_mutants

MUTANTS = read_mutants()
TEST = """
from library import double


def test_double() -> None:
    assert double(2) == 4
"""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_defect_can_be_planted(mutant: Mutant) -> None:
    assert mutant.problem() is None


def test_there_are_many_and_each_has_its_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 25


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "code" / "vkflow").mkdir(parents=True)
    (tmp_path / "code" / "vkflow" / "test_double.py").write_text(TEST)
    (tmp_path / "code" / "vkflow" / "library.py").write_text(
        "def double(number):\n    return 2 * number\n"
    )
    (tmp_path / "code" / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\nmarkers = ["slow", "browser"]\npythonpath = ["vkflow"]\n'
    )
    return tmp_path / "code"


def test_the_runner_tells_what_is_caught_from_what_is_not(project: Path) -> None:
    texts = {CAUGHT: "3 * number", SURVIVED: "number * 2", BROKEN: "2 * number\n  x"}
    mutants = [
        Mutant(name, "vkflow/library.py", "2 * number", new, ("vkflow/test_double.py",))
        for name, new in texts.items()
    ]
    before = (project / "vkflow" / "library.py").read_text()
    outcomes = run_mutants(project, mutants, 3, lambda outcome: None)
    assert [(outcome.name, outcome.verdict) for outcome in outcomes] == [(v, v) for v in texts]
    assert (project / "vkflow" / "library.py").read_text() == before


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"old": "nowhere"}, "occurs 0 times"),
        ({"old": "number"}, "occurs 2 times"),
        ({"new": "2 * number"}, "changes nothing"),
        ({"tests": ("vkflow/test_gone.py",)}, "there is no test vkflow/test_gone.py"),
        ({"tests": ("vkflow/test_double.py::test_gone",)}, "there is no test"),
        ({"tests": ()}, "names no test"),
    ],
)
def test_a_defect_out_of_step_says_how(
    project: Path, change: dict[str, object], problem: str
) -> None:
    entry = {"name": "m", "file": "vkflow/library.py", "old": "2 * number", "new": "3"}
    tests = ("vkflow/test_double.py::test_double",)
    assert problem in str(Mutant(**{**entry, "tests": tests, **change}).problem(project))
