"""One part: what is done is kept, faults are found out, and deaths are counted."""

from pathlib import Path

import polars as pl
import pytest

from tests.fakes.doubling import Doubling
from vkflow.engines.engine import Job, WorkFailedError
from vkflow.engines.local import LocalEngine
from vkflow.engines.parts import PartFolder
from vkflow.engines.processing import PartProcessor

NUMBERS = pl.DataFrame({"number": [12, 13, 14, 15, 16]})
FINE = [(12, 24, None), (14, 28, None), (15, 30, None), (16, 32, None)]


@pytest.fixture
def parts(tmp_path: Path) -> PartFolder:
    folder = PartFolder(str(tmp_path))
    folder.write_work("one", NUMBERS)
    return folder


def result(parts: PartFolder) -> list[tuple]:
    return parts.read_result("one").sort("number").rows()


def test_a_part_is_worked_on_once(parts: PartFolder) -> None:
    PartProcessor(parts, Doubling(), Doubling()).process("one")
    assert [double for _, double, _ in result(parts)] == [24, 26, 28, 30, 32]
    broken = Doubling(is_broken=True)
    PartProcessor(parts, broken, broken).process("one")


def test_a_row_the_worker_fails_on_is_refused_alone(parts: PartFolder) -> None:
    worker = Doubling("raises")
    PartProcessor(parts, worker, worker).process("one")
    assert result(parts) == sorted([*FINE, (13, None, "ValueError")])


@pytest.mark.parametrize(
    ("worker", "error"),
    [
        (Doubling(is_broken=True), RuntimeError),
        (Doubling("lacks memory"), MemoryError),
        (Doubling("raises", knows_harmless=False), ValueError),
    ],
    ids=["broken", "without memory", "knows nothing harmless"],
)
def test_a_fault_of_the_workers_own_blames_no_row(
    parts: PartFolder, worker: Doubling, error: type[Exception]
) -> None:
    with pytest.raises(error):
        PartProcessor(parts, worker, worker).process("one")
    assert not parts.has_result("one")
    assert parts.note_try("one") == 1, "who raises is not dead"


def test_a_row_that_kills_is_found_out_by_the_next_worker(parts: PartFolder) -> None:
    parts.note_try("one")  # as a worker leaves it that died
    worker = Doubling("dies")
    processor = PartProcessor(parts, worker, worker)
    processor.process("one")
    processor.close()
    assert result(parts) == sorted([*FINE, (13, None, "BrokenProcessPool")])
    assert parts.note_try("one") == 1


def test_a_part_with_which_too_many_died_is_given_up_and_tried_again_the_next_time(
    parts: PartFolder,
) -> None:
    for _ in range(3):
        parts.note_try("one")
    processor = PartProcessor(parts, Doubling(), Doubling(), most_tries=3)
    with pytest.raises(WorkFailedError, match="3 workers died"):
        processor.process("one")
    processor.process("one")
    assert len(result(parts)) == 5


def test_the_local_engine_does_a_part_after_the_other_with_the_worker_it_has(
    parts: PartFolder,
) -> None:
    parts.write_work("two", NUMBERS.head(1))
    done = LocalEngine().work(
        Job(Doubling(), Doubling(is_broken=True), parts), iter(["two", "one"])
    )
    assert next(done) == "two"
    assert parts.has_result("two") and not parts.has_result("one")
    assert list(done) == ["one"]
