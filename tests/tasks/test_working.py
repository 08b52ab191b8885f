"""A work list that is worked off: whatever is interrupted goes on where it stopped."""

import os
from pathlib import Path

import polars as pl
import pytest

from tasks import working
from tasks.step import warehouse_of
from tasks.working import work_off
from tests.fakes.doubling import Doubling
from tests.fakes.numbers import LAST, Numbers, expected
from vkflow.engines.parts import PartFolder
from vkflow.settings import load_settings


@pytest.fixture
def numbers(tmp_path: Path) -> Numbers:
    return Numbers(load_settings(home=tmp_path / "home"))


def folder_of(numbers: Numbers) -> PartFolder:
    (folder,) = (numbers.settings.home / "parts" / "double-numbers").iterdir()
    return PartFolder(str(folder))


def test_everything_missing_is_done_and_no_file_stays(numbers: Numbers) -> None:
    assert work_off(numbers.settings, numbers.work(Doubling("raises"))) == LAST
    assert sorted(numbers.rows()) == expected("ValueError")
    assert sorted(n for _, n in numbers.parts()) == [4] * 5
    assert not [f for f in numbers.settings.home.rglob("parts/**/*") if f.is_file()]
    assert work_off(numbers.settings, numbers.work(Doubling(is_broken=True))) == 0


def test_a_failure_keeps_what_was_done_and_the_next_run_does_the_rest(numbers: Numbers) -> None:
    with pytest.raises(MemoryError):
        work_off(numbers.settings, numbers.work(Doubling("lacks memory")))
    assert len(numbers.rows()) == 12
    assert len(folder_of(numbers).names()) == 2
    work_off(numbers.settings, numbers.work(Doubling()))
    assert sorted(numbers.rows()) == expected()


def test_results_of_a_run_that_was_killed_before_storing_are_not_computed_again(
    tmp_path: Path, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(working, "storing_parts", killed)
    with pytest.raises(KeyboardInterrupt):
        work_off(numbers.settings, numbers.work(Doubling()))
    monkeypatch.undo()
    assert numbers.rows() == []
    numbers.first = -1  # what came meanwhile shifts all parts of the list
    assert work_off(numbers.settings, numbers.work(Doubling(journal=tmp_path))) == LAST + 1
    assert (tmp_path / f"{os.getpid()}").read_text() == "[-1] \n"
    assert sorted(numbers.rows()) == sorted([*expected(), ("-1", "-2")])


def test_a_part_that_fails_every_night_does_not_stop_what_is_new(numbers: Numbers) -> None:
    for first in (0, -5, -9):
        numbers.first = first
        with pytest.raises(MemoryError):
            work_off(numbers.settings, numbers.work(Doubling("lacks memory")))
        assert len(folder_of(numbers).names()) <= 3, "nor do its parts pile up"
    assert {str(n) for n in (*range(-9, -1), *range(12))} <= {n for n, _ in numbers.rows()}


def test_results_that_come_twice_are_stored_once(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed between storing and removing finds its parts again."""
    with monkeypatch.context() as patch:
        patch.setattr(PartFolder, "remove", lambda *_: None)
        work_off(numbers.settings, numbers.work(Doubling()))
    before = numbers.parts()
    work_off(numbers.settings, numbers.work(Doubling()))
    assert sorted(numbers.rows()) == expected()
    assert numbers.parts() == before


def test_small_results_are_stored_together_and_large_ones_are_not(
    numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    real = working.warehouse_of
    monkeypatch.setattr(working, "warehouse_of", lambda s: opened.append(1) or real(s))
    work_off(numbers.settings, numbers.work(Doubling()))
    assert (len(opened), numbers.stores) == (1, 5)
    with warehouse_of(numbers.settings) as connection:
        connection.execute("DELETE FROM watermarks")
    monkeypatch.setattr(working, "MAX_ROWS", 8)
    work_off(numbers.settings, numbers.work(Doubling()))
    assert len(opened) == 1 + 3


def test_parts_may_lie_elsewhere(tmp_path: Path) -> None:
    numbers = Numbers(load_settings(home=tmp_path / "home", parts=str(tmp_path / "shared")))
    with pytest.raises(MemoryError):
        work_off(numbers.settings, numbers.work(Doubling("lacks memory")))
    assert list((tmp_path / "shared").rglob("*.work.parquet"))
    assert not (numbers.settings.home / "parts").exists()


@pytest.mark.parametrize("kind", ["work", "result"])
def test_a_part_that_a_power_failure_damaged_is_done_anew(numbers: Numbers, kind: str) -> None:
    with pytest.raises(MemoryError):
        work_off(numbers.settings, numbers.work(Doubling("lacks memory")))
    folder = folder_of(numbers)
    (Path(folder.url) / f"{folder.names()[0]}.{kind}.parquet").write_bytes(b"")
    work_off(numbers.settings, numbers.work(Doubling()))
    assert sorted(numbers.rows()) == expected()
    assert folder.names() == []


def test_a_result_of_other_columns_is_done_anew(numbers: Numbers) -> None:
    with pytest.raises(MemoryError):
        work_off(numbers.settings, numbers.work(Doubling("lacks memory")))
    folder = folder_of(numbers)
    folder.write_result(folder.names()[0], pl.DataFrame({"other": [1]}))
    work_off(numbers.settings, numbers.work(Doubling()))
    assert sorted(numbers.rows()) == expected()
    assert folder.names() == []
