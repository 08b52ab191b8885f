import json
import os
import signal
import socket
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from warehouse import writer_lock as module
from warehouse.errors import WarehouseError, WriterLockedError, WriterLostError
from warehouse.writer_lock import break_lock, check_held, read_writer, writer_lock

pytestmark = pytest.mark.file
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
    change(tmp_path, process_id=os.getpid(), process_started="boot 1")
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


def test_lock_is_kept_when_the_clock_is_stepped(tmp_path: Path, holder, monkeypatch) -> None:
    """psutil adds the ticks of a process to the boot time, which moves with the clock."""
    boot = psutil.boot_time()
    monkeypatch.setattr(psutil, "boot_time", lambda: boot + 3_600)
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot + 3_600)
    monkeypatch.setattr(psutil._pslinux, "BOOT_TIME", boot + 3_600, raising=False)
    monkeypatch.setattr(
        psutil.Process, "create_time", lambda self: boot + 3_600 + self.pid, raising=True
    )
    with pytest.raises(WriterLockedError), writer_lock(tmp_path, "pull", 0):
        pass


def test_lock_of_another_boot_is_free(tmp_path: Path, holder) -> None:
    ticks = read_writer(tmp_path).process_started.split()[1]
    change(tmp_path, process_started=f"another-boot {ticks}")
    with writer_lock(tmp_path, "pull", 0):
        assert read_writer(tmp_path).name == "pull"


def test_killed_writer_nobody_has_noticed_is_gone(tmp_path: Path, holder) -> None:
    holder.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)  # a zombie, until it is waited for
    with writer_lock(tmp_path, "pull", 0):
        assert read_writer(tmp_path).name == "pull"


def test_number_of_a_process_in_another_container_says_nothing(tmp_path: Path, holder) -> None:
    change(tmp_path, namespace="pid:[1]", process_id=1_000_000)
    with pytest.raises(WriterLockedError), writer_lock(tmp_path, "pull", 0):
        pass


@pytest.mark.parametrize(("minutes", "is_free"), [(5, False), (-1, True)])
def test_lock_of_the_version_before_an_upgrade_counts_until_its_lease_is_over(
    tmp_path: Path, minutes: int, is_free: bool
) -> None:
    now = datetime.now(UTC)
    earlier = {
        "name": "nightly",
        "host": socket.gethostname(),
        "process_id": os.getpid(),
        "process_started": psutil.Process().create_time(),
        "since": str(now - timedelta(hours=1)),
        "expires_at": str(now + timedelta(minutes=minutes)),
        "token": "0" * 32,
    }
    (tmp_path / module.FILE).write_text(json.dumps(earlier))
    if is_free:
        with writer_lock(tmp_path, "pull", 0):
            assert read_writer(tmp_path).name == "pull"
    else:
        with pytest.raises(WriterLockedError, match="nightly"), writer_lock(tmp_path, "pull", 0):
            pass
        with pytest.raises(WriterLockedError, match="nightly"):
            break_lock(tmp_path)
        assert json.loads((tmp_path / module.FILE).read_text()) == earlier


@pytest.mark.parametrize("fields", [{"token": "another"}, None], ids=["taken", "removed"])
def test_writer_that_lost_its_lock_stops(tmp_path: Path, fields: dict | None) -> None:
    check_held(tmp_path)  # whoever took no lock may read
    with writer_lock(tmp_path, "nightly", 0):
        check_held(tmp_path)
        if fields is None:
            (tmp_path / module.FILE).unlink()
        else:
            change(tmp_path, **fields)
        with pytest.raises(WriterLostError, match="has lost the lock"):
            check_held(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [
        {"process_id": "12"},
        {"process_id": -1},
        {"process_id": True},
        {"process_id": 1e300},
        {"since": "2026-01-01", "expires_at": "2026-01-01"},
        {"host": ["a"]},
        {"surplus": 1},
    ],
    ids=str,
)
def test_odd_lock_does_not_stop_anybody(tmp_path: Path, holder, fields: dict) -> None:
    change(tmp_path, **fields)
    with writer_lock(tmp_path, "pull", 0):
        assert read_writer(tmp_path).name == "pull"


def test_deeply_nested_lock_does_not_stop_anybody(tmp_path: Path) -> None:
    (tmp_path / module.FILE).write_text("[" * 100_000)
    with writer_lock(tmp_path, "pull", 0):
        assert read_writer(tmp_path).name == "pull"


def test_lock_that_is_a_folder_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / module.FILE).mkdir()
    with pytest.raises(WarehouseError, match="remove it"), writer_lock(tmp_path, "pull", 0):
        pass


def test_full_disk_is_said_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(WarehouseError, match="make room"), writer_lock(tmp_path, "pull", 0):
        pass


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", ["writer.json", ".writer.guard"])
def test_pipe_in_the_place_of_the_lock_is_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(WarehouseError, match="no regular file"), writer_lock(tmp_path, "pull", 0):
        pass
