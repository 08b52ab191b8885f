"""Runs a part of the benchmarks in a process of its own."""

import multiprocessing
import sys
from importlib import import_module
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from queue import Empty

from tests.benchmarks.measuring import Row

processes = multiprocessing.get_context("spawn")


def measured(part: str, *, quick: bool) -> list[Row]:
    """The rows of a part, from a process of its own."""
    answers: Queue = processes.Queue()
    process = processes.Process(target=_measure, args=(part, quick, answers))
    process.start()
    rows = []
    while (row := _answer(answers, process)) is not None:
        sys.stderr.write(f"  {row.work}: {row.figure:.3g}\n")
        rows.append(row)
    process.join()
    if process.exitcode:
        raise SystemExit(f"the benchmark {part} failed, exit status {process.exitcode}")
    return rows


def _answer(answers: Queue, process: BaseProcess) -> Row | None:
    while True:
        try:
            return answers.get(timeout=1)
        except Empty:
            if not process.is_alive() and answers.empty():
                return None


def _measure(part: str, quick: bool, answers: Queue) -> None:
    for row in import_module(f"tests.benchmarks.{part}").rows(quick):
        answers.put(row)
    answers.put(None)
