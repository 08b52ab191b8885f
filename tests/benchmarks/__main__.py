"""``make bench``: how fast vkflow is, beside what people would use instead, in one table.

Each part runs in a process of its own; pairs are measured in turns, and medians are shown. The
exit status says whether every goal was met.
"""

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from pathlib import Path

from tests.benchmarks.measuring import Row
from tests.benchmarks.running import measured

PARTS = (
    "commands", "default_encoder", "xlm_roberta", "pictures", "warehouse", "training", "nights",
)  # fmt: skip
LONG_PARTS = ("million",)
"""Parts that take hours, and are measured only when they are asked for."""
FOLDER = Path("data") / "benchmarks"


def main() -> None:
    """Run the parts, print the table, write JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers, in three minutes")
    parser.add_argument("--only", nargs="+", choices=PARTS + LONG_PARTS, default=PARTS,
                        metavar="PART",
                        help=f"some of: {', '.join(PARTS + LONG_PARTS)}")  # fmt: skip
    arguments = parser.parse_args()
    os.environ |= {"HF_HUB_OFFLINE": "1", "PREFECT_LOGGING_LEVEL": "WARNING", "DO_NOT_TRACK": "1"}
    rows: list[Row] = []
    for part in arguments.only:
        sys.stderr.write(f"{part} …\n")
        rows += measured(part, quick=arguments.quick)
    sys.stdout.write(table(rows))
    write_json(rows, FOLDER / ("quick.json" if arguments.quick else "full.json"))
    goals = [row for row in rows if row.goal is not None]
    met = sum(row.is_met for row in goals)
    sys.stdout.write(f"{met} of {len(goals)} goals met\n")
    sys.exit(met < len(goals))


def table(rows: list[Row]) -> str:
    """Markdown, as the README beside this file shows it."""
    lines = [
        "| work | ours | | against | theirs | figure | goal | |\n",
        "|---|---:|---|---|---:|---:|---:|---|\n",
    ]
    return "".join(lines + [line(row) for row in rows])


def line(row: Row) -> str:
    """One row of it."""
    theirs = "" if row.theirs is None else number(row.theirs)
    goal = "" if row.goal is None else f"{'≤' if row.at_most else '≥'} {row.goal:g}"
    met = "" if row.goal is None else "met" if row.is_met else "**missed**"
    return (
        f"| {row.work} | {number(row.ours)} | {row.unit} | {row.against} | {theirs} "
        f"| {row.figure:.3g} | {goal} | {met} |\n"
    )


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def write_json(rows: list[Row], file: Path) -> None:
    """All rows, and the machine they were measured on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    machine = {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": sys.version.split()[0],
    }
    content = {"machine": machine, "rows": [asdict(row) | {"is_met": row.is_met} for row in rows]}
    text = json.dumps(content, indent=1, ensure_ascii=False, default=float)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
