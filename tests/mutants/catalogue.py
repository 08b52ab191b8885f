"""The defects: what is replaced by what, where, and which tests are to notice."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Mutant:
    """One defect.

    Attributes:
        name: says what is wrong.
        file: path from the root.
        old: text that occurs there once.
        new: what takes its place.
        tests: arguments of pytest: fast files, or tests of one, that are to fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def problem(self, root: Path = ROOT) -> str | None:
        """Why it is out of step with the code; ``None`` if it is not."""
        found = (root / self.file).read_text(encoding="utf-8").count(self.old)
        if found != 1:
            return f"{self.name}: its old text occurs {found} times in {self.file}, not once"
        if self.old == self.new:
            return f"{self.name} changes nothing"
        for test in self.tests:
            file, _, name = test.partition("::")
            text = (root / file).read_text(encoding="utf-8") if (root / file).is_file() else ""
            if not text or (name and f"def {name}(" not in text):
                return f"{self.name}: there is no test {test}"
        return None if self.tests else f"{self.name} names no test"

    def apply(self, root: Path) -> None:
        """Plant it in a copy of the code."""
        file = root / self.file
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace(self.old, self.new), encoding="utf-8")


def read_mutants(folder: Path = FOLDER) -> list[Mutant]:
    """All of them, from the TOML files of a folder; one table a mutant."""
    mutants = []
    for file in sorted(folder.glob("*.toml")):
        for name, entry in tomllib.loads(file.read_text(encoding="utf-8")).items():
            mutants.append(Mutant(name, **{**entry, "tests": tuple(entry["tests"])}))
    return mutants
