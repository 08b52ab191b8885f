"""Rules about who may know what, beyond those import-linter checks."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("flows", "tasks", "vkflow", "warehouse")
MODULES = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
EVALUATION = {"tasks/judging.py"}


@cache
def imported(file: Path) -> set[str]:
    """Every module and every name a file imports, dotted."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return names


def test_only_evaluation_reads_the_truth_of_sample_posts() -> None:
    readers = {
        str(file.relative_to(ROOT)) for file in MODULES if "vkflow.sample.truth" in imported(file)
    }
    assert readers == EVALUATION


def test_nothing_else_names_the_files_of_the_truth() -> None:
    allowed = {"vkflow/sample/truth.py", "vkflow/sample/files.py", "vkflow/sample/settings.py"}
    namers = {
        str(file.relative_to(ROOT))
        for file in MODULES
        for word in ("oracle.parquet", "effects.parquet", "TRUTH_FOLDER", '"truth"')
        if word in file.read_text(encoding="utf-8")
    }
    assert namers <= allowed


@pytest.mark.parametrize("module", ["pickle", "cPickle", "dill", "joblib", "shelve", "marshal"])
def test_nothing_is_pickled(module: str) -> None:
    assert not [file for file in MODULES if module in {n.split(".")[0] for n in imported(file)}]


@pytest.mark.parametrize("call", ["torch.load(", " eval(", " exec(", "yaml.load("])
def test_nothing_untrusted_is_executed(call: str) -> None:
    assert not [file for file in MODULES if call in file.read_text(encoding="utf-8")]


def test_sql_stays_in_the_warehouse() -> None:
    """Allowed are two one-line counts of the doctor's, and other people's databases."""
    users = {
        str(file.relative_to(ROOT))
        for package in ("flows", "tasks", "vkflow")
        for file in (ROOT / package).rglob("*.py")
        if ".execute(" in file.read_text(encoding="utf-8")
    }
    assert users <= {
        "flows/doctor.py",
        "vkflow/databases/connections.py",
        "vkflow/databases/exporting.py",
        "vkflow/sources/database/reading.py",
    }
