from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.readiness import check_clock
from tasks.run_log import logged_run
from tasks.step import warehouse_of
from vkflow.errors import NotReadyError
from vkflow.settings import load_settings
from warehouse.errors import WriterLockedError, WriterLostError
from warehouse.runs import start_run
from warehouse.writer_lock import read_writer


def test_no_run_begins_on_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, warehouse={"least_free_gib": 1e9})
    with pytest.raises(NotReadyError, match="GiB are free"), logged_run(settings, "pull"):
        pass
    assert not settings.warehouse_file.exists()
    assert read_writer(tmp_path) is None


def test_clock_that_went_backwards_stops_a_run(tmp_path: Path) -> None:
    now = datetime(2026, 11, 2, tzinfo=UTC)
    with warehouse_of(load_settings(home=tmp_path)) as connection:
        check_clock(connection, now)
        start_run(connection, "r", "nightly", now)
        check_clock(connection, now - timedelta(minutes=30))
        with pytest.raises(NotReadyError, match="set the clock right"):
            check_clock(connection, now - timedelta(hours=2))


def test_only_one_run_at_a_time(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, warehouse={"wait_seconds": 0})
    with (
        logged_run(settings, "nightly"),
        pytest.raises(WriterLockedError, match="nightly"),
        logged_run(settings, "pull"),
    ):
        pass


@pytest.mark.parametrize(
    ("warnings", "status"), [([], "completed"), (["pull failed"], "completed with warnings")]
)
def test_run_is_noted_as_it_ended(tmp_path: Path, warnings: list[str], status: str) -> None:
    settings = load_settings(home=tmp_path)
    with logged_run(settings, "nightly") as (run_id, counts):
        counts |= {"warnings": warnings}
    with warehouse_of(settings) as connection:
        noted = connection.execute("SELECT run_id, flow, status FROM runs").fetchall()
    assert noted == [(run_id, "nightly", status)]


def test_run_whose_lock_was_taken_stores_nothing_more(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    with pytest.raises(WriterLostError), logged_run(settings, "nightly"):
        file = tmp_path / "writer.json"
        file.write_text(file.read_text().replace(read_writer(tmp_path).token, "another"))
        with warehouse_of(settings):
            raise AssertionError("it was let in")
    with warehouse_of(settings) as connection:
        assert connection.execute("SELECT status FROM runs").fetchall() == [("running",)]
