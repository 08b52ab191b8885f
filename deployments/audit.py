"""Look for known vulnerabilities of what production installs: ``make audit``.

Asks the database of OSV (https://osv.dev), which has PyPI's advisories. Where it cannot be reached
there is no audit: the few kept advisories are compared with, and the exit status says that this was
not enough. (pip-audit says "no known vulnerabilities" where its registry knows no package at all.)
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
    """Print what was found; the exit status is 1 if anything was, 2 if nobody could be asked."""
    pinned = PINNED.findall((FOLDER / "requirements.txt").read_text(encoding="utf-8"))
    found, is_audited = kept_advisories(pinned), True
    try:
        found += asked_advisories(pinned)
        sys.stdout.write(f"{len(pinned)} packages compared with OSV\n")
    except (httpx.HTTPError, ValueError, LookupError) as error:
        is_audited = False
        sys.stdout.write(
            f"NOT AUDITED: OSV cannot be asked ({type(error).__name__}). {len(pinned)} packages "
            f"were compared with the few advisories of deployments/advisories.txt only; run it "
            f"again where api.osv.dev can be reached\n"
        )
    for name, version, advisory in sorted(set(found)):
        sys.stdout.write(f"{name} {version}: {advisory}\n")
    sys.exit(1 if found else 0 if is_audited else 2)


def kept_advisories(pinned: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Those of ``advisories.txt`` that apply: name, version, advisory."""
    versions = dict(pinned)
    found = []
    for line in (FOLDER / "advisories.txt").read_text(encoding="utf-8").splitlines():
        advised, _, _verified = line.partition("#")
        if not advised.strip():
            continue
        name, affected, advisory = advised.split()
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
