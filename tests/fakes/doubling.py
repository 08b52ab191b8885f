"""A worker without a model: it doubles numbers, and fails on some in its own way."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl


@dataclass(frozen=True)
class Doubling:
    """Rows of number to rows of number, double, fault.

    Attributes:
        fault: what it does at 13: ``raises``, ``lacks memory``, ``dies``, ``sleeps``,
            ``takes its parent along``, or ``none``.
        is_broken: raises always.
        knows_harmless: whether it can tell its own faults from those of rows.
        seconds: how long it works on a part.
        journal: a folder: a line for each part that is begun, in a file for each process.
    """

    fault: str = "none"
    is_broken: bool = False
    knows_harmless: bool = True
    seconds: float = 0
    journal: Path | None = None

    def __call__(self) -> "Doubling":
        """It recruits itself."""
        return self

    def work(self, rows: pl.DataFrame) -> pl.DataFrame:
        if self.is_broken:
            raise RuntimeError("the device is gone")
        if self.journal is not None:
            with (self.journal / f"{os.getpid()}").open("a") as file:
                file.write(f"{rows['number'].to_list()} {os.environ.get('NODE', '')}\n")
        time.sleep(self.seconds)
        if 13 in rows["number"]:
            if self.fault == "raises":
                raise ValueError("not this number")
            if self.fault == "lacks memory":
                raise MemoryError
            if self.fault == "sleeps":
                time.sleep(600)
            if self.fault == "takes its parent along" and multiprocessing.parent_process():
                os.kill(os.getppid(), signal.SIGKILL)
            if self.fault in ("dies", "takes its parent along"):
                os.kill(os.getpid(), signal.SIGKILL)
        return rows.select(
            "number", double=pl.col("number") * 2, fault=pl.lit(None, dtype=pl.String)
        )

    def harmless(self) -> pl.DataFrame | None:
        return pl.DataFrame({"number": [1]}) if self.knows_harmless else None

    def refuse(self, rows: pl.DataFrame, error: Exception) -> pl.DataFrame:
        return rows.select(
            "number",
            double=pl.lit(None, dtype=pl.Int64),
            fault=pl.lit(type(error).__name__),
        )
