import json
import os
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warehouse import writer_lock as module
from warehouse.errors import WarehouseError, WriterLockedError
from warehouse.writer_lock import break_lock, read_writer, writer_lock

HOLD = """
import sys, time
from pathlib import Path
from warehouse.writer_lock import writer_lock
with writer_lock(Path(sys.argv[1]), "nightly", 0):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def change(home: Path, **fields: object) -> None:
    file = home / module.FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | fields, default=str))


def test_holder_is_told_and_gone_afterwards(tmp_path: Path) -> None:
    with writer_lock(tmp_path, "nightly", 0):
        writer = read_writer(tmp_path)
        assert (writer.name, writer.process_id) == ("nightly", os.getpid())
        assert writer.expires_at > writer.since
    assert read_writer(tmp_path) is None


def test_second_writer_is_told_who_is_at_work(tmp_path: Path, holder) -> None:
    with (
        pytest.raises(WriterLockedError, match=rf"nightly, process {holder.pid} on .*unlock"),
        writer_lock(tmp_path, "pull", 0),
    ):
        pass


def test_second_writer_waits_its_turn(tmp_path: Path) -> None:
    order = []
    with writer_lock(tmp_path, "nightly", 0):

        def second() -> None:
            with writer_lock(tmp_path, "pull", 30):
                order.append("second")

        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.5)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_lock_of_a_killed_writer_is_taken_at_once(tmp_path: Path, holder) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert read_writer(tmp_path).process_id == holder.pid
    with writer_lock(tmp_path, "pull", 0):
        assert read_writer(tmp_path).name == "pull"


def test_process_number_used_again_is_not_the_holder(tmp_path: Path, holder) -> None:
    change(tmp_path, process_id=os.getpid(), process_started=1.0)
    with writer_lock(tmp_path, "pull", 0):
        assert read_writer(tmp_path).name == "pull"


@pytest.mark.parametrize(("minutes", "is_free"), [(5, False), (-1, True)])
def test_writer_on_another_machine_counts_until_its_lease_is_over(
    tmp_path: Path, holder, minutes: int, is_free: bool
) -> None:
    change(tmp_path, host="elsewhere", expires_at=datetime.now(UTC) + timedelta(minutes=minutes))
    if is_free:
        with writer_lock(tmp_path, "pull", 0):
            assert read_writer(tmp_path).name == "pull"
    else:
        with pytest.raises(WriterLockedError, match="on elsewhere"):
            break_lock(tmp_path)


def test_lease_is_renewed_while_the_writer_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_SECONDS", 0.05)
    with writer_lock(tmp_path, "nightly", 0):
        first = read_writer(tmp_path).expires_at
        renewed = threading.Event()
        for _ in range(100):
            if read_writer(tmp_path).expires_at > first:
                renewed.set()
                break
            renewed.wait(0.05)
        assert renewed.is_set()


def test_unlock_spares_the_living_and_frees_from_the_dead(tmp_path: Path, holder) -> None:
    with pytest.raises(WriterLockedError, match="let it finish"):
        break_lock(tmp_path)
    holder.kill()
    holder.wait()
    assert break_lock(tmp_path).process_id == holder.pid
    assert break_lock(tmp_path) is None


def test_writer_whose_lock_was_broken_leaves_the_next_ones_alone(tmp_path: Path) -> None:
    with writer_lock(tmp_path, "nightly", 0):
        change(tmp_path, token="another", name="pull")
    assert read_writer(tmp_path).name == "pull"


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", "null"])
def test_unreadable_lock_does_not_stop_anybody(tmp_path: Path, content: str) -> None:
    (tmp_path / module.FILE).write_text(content)
    with writer_lock(tmp_path, "pull", 0):
        assert read_writer(tmp_path).name == "pull"


def test_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(WarehouseError, match="VKFLOW_HOME"),
        writer_lock(tmp_path / "file" / "home", "pull", 0),
    ):
        pass
