"""How long a person waits for a command that computes nothing."""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb

from tests.benchmarks.measuring import Row, timed
from tests.benchmarks.models import scratch

PATIENCE = 1.0
"""Seconds a person at a terminal does not notice."""


def rows(quick: bool) -> Iterator[Row]:
    """``vkflow sql`` and ``vkflow --help``, whole processes."""
    with scratch() as home:
        (home / "published").mkdir()
        with duckdb.connect(str(home / "published" / "predictions.duckdb")) as connection:
            connection.execute("CREATE TABLE predictions (probability DOUBLE)")
        for arguments in (["sql", "SELECT count(*) FROM predictions"], ["--help"]):
            seconds = statistics.median(
                timed(partial(_run, home, arguments)) for _ in range(3 if quick else 7)
            )
            yield Row(
                f"vkflow {arguments[0]}", seconds, "s", "a moment", PATIENCE, seconds, PATIENCE,
                at_most=True,
            )  # fmt: skip


def _run(home: Path, arguments: list[str]) -> None:
    subprocess.run(
        [Path(sys.executable).with_name("vkflow"), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"VKFLOW_HOME": str(home)},
    )
