"""Look for known vulnerabilities of what production installs: ``make audit``.

Asks the database of OSV (https://osv.dev), which has PyPI's advisories. Where it cannot be reached,
which is said, the kept list beside this file is all there is to compare with.
"""

import re
import sys
from pathlib import Path

import httpx
from packaging.specifiers import SpecifierSet

FOLDER = Path(__file__).parent
PINNED = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
OSV = "https://api.osv.dev/v1/querybatch"


def main() -> None:
    """Print what was found; the exit status is 1 if anything was."""
    pinned = PINNED.findall((FOLDER / "requirements.txt").read_text(encoding="utf-8"))
    found = kept_advisories(pinned)
    try:
        found += asked_advisories(pinned)
        sys.stdout.write(f"{len(pinned)} packages compared with OSV and the kept list\n")
    except (httpx.HTTPError, ValueError) as error:
        sys.stdout.write(
            f"OSV cannot be asked ({type(error).__name__}): {len(pinned)} packages compared with "
            f"the kept list only, which knows nothing newer than itself\n"
        )
    for name, version, advisory in sorted(set(found)):
        sys.stdout.write(f"{name} {version}: {advisory}\n")
    sys.exit(bool(found))


def kept_advisories(pinned: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Those of ``advisories.txt`` that apply: name, version, advisory."""
    versions = dict(pinned)
    found = []
    for line in (FOLDER / "advisories.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        name, affected, advisory = line.split()
        version = versions.get(name)
        if version is not None and SpecifierSet(affected).contains(version, prereleases=True):
            found.append((name, version, advisory))
    return found


def asked_advisories(pinned: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Those OSV has: name, version, advisory."""
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in pinned
    ]
    answer = httpx.post(OSV, json={"queries": queries}, timeout=30)
    results = answer.raise_for_status().json()["results"]
    return [
        (name, version, advisory["id"])
        for (name, version), result in zip(pinned, results, strict=True)
        for advisory in result.get("vulns", [])
    ]


if __name__ == "__main__":
    main()
