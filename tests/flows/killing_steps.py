"""Kill a pull, a publish, a maintenance and a restore at random moments; nothing may be lost.

``make test-kill`` does it 50 times, in turns; a shorter one is among the slow tests. After every
kill the warehouse and the snapshot can be read and say what they said; the step done again ends as
if it had never been killed.
"""

import argparse
import math
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

import duckdb

from vkflow.settings import Settings, load_settings

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
STEPS = ("pull", "publish", "maintenance", "restore")
processes = multiprocessing.get_context("forkserver")


def do(step: str, home: Path, begun: object) -> None:
    """Do one step, as the flow or command of that name does it."""
    from tasks.maintaining import maintain_home
    from tasks.publishing import publish_snapshot
    from tasks.pulling import pull_posts
    from tasks.run_log import logged_run
    from warehouse.backups import list_backups, restore
    from warehouse.writer_lock import writer_lock

    settings = load_settings(home=home)
    begun.set()  # type: ignore[attr-defined]
    if step == "restore":
        with writer_lock(home, step, 60):
            restore(list_backups(settings.backups_directory)[0], settings.warehouse_file, UNTIL)
        return
    with logged_run(settings, step):
        if step == "pull":
            pull_posts.fn(settings, UNTIL)
        elif step == "publish":
            publish_snapshot.fn(settings)
        else:
            maintain_home.fn(settings, UNTIL, 1, dry_run=False)


def prepare(home: Path, posts: int) -> None:
    """A home after one night without models, with a backup, and with a day that is not pulled."""
    from flows.sampling import ensure_sample
    from tasks.backing_up import back_up_warehouse
    from tasks.publishing import publish_snapshot
    from tasks.pulling import pull_posts

    ensure_sample(home / "sample", posts, until=UNTIL, owners=10)
    settings = load_settings(home=home)
    pull_posts.fn(settings, UNTIL - timedelta(days=20))
    publish_snapshot.fn(settings)
    back_up_warehouse.fn(settings)


def started(step: str, home: Path) -> multiprocessing.process.BaseProcess:
    begun = processes.Event()
    process = processes.Process(target=do, args=(step, home, begun))
    process.start()
    assert begun.wait(timeout=120)
    return process


def state(settings: Settings) -> tuple[int, int]:
    """Posts in the warehouse and in the snapshot; both must open."""
    counts = []
    for file in (settings.warehouse_file, settings.snapshot_file):
        with duckdb.connect(str(file), read_only=True) as connection:
            counts.append(connection.execute("SELECT count(*) FROM posts").fetchone()[0])
    return counts[0], counts[1]


def run_killed_steps(
    folder: Path, kills: int, posts: int, seed: int = 0, minutes: float = math.inf
) -> Counter[str]:
    """Do it; returns how often each step was killed.

    Args:
        folder: where homes are made.
        kills: after how many to stop.
        posts: in a home.
        seed: of the moments.
        minutes: after which nothing else is killed.

    Raises:
        AssertionError: something was lost.
    """
    chance, killed = random.Random(seed), Counter[str]()
    deadline = time.monotonic() + 60 * minutes
    processes.set_forkserver_preload(["tasks.pulling", "tasks.maintaining", "tasks.run_log"])
    start = folder / "start"
    prepare(start, posts)
    before = state(load_settings(home=start))
    ends, seconds = {}, {}
    for step in STEPS:
        home = shutil.copytree(start, folder / f"alone-{step}")
        process, began = started(step, home), time.monotonic()
        process.join()
        assert process.exitcode == 0, f"{step} failed"
        ends[step], seconds[step] = state(load_settings(home=home)), time.monotonic() - began
    for step in cycle(STEPS):
        if killed.total() >= kills or time.monotonic() > deadline:
            return killed
        home = shutil.copytree(start, folder / "killed")
        process = started(step, home)
        process.join(chance.uniform(0, seconds[step]))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
            process.join()
            killed[step] += 1
        now = state(load_settings(home=home))
        for was, is_now, end in zip(before, now, ends[step], strict=True):
            assert min(was, end) <= is_now <= max(was, end), f"{step} lost posts: {before} {now}"
        again = started(step, home)
        again.join()
        assert again.exitcode == 0, f"{step} could not be done again"
        assert state(load_settings(home=home)) == ends[step], f"{step} ended otherwise"
        shutil.rmtree(home)
    raise AssertionError


def main() -> None:
    """The script: prints what came of it; fails if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--posts", type=int, default=1_000)
    parser.add_argument("--minutes", type=float, default=math.inf)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        killed = run_killed_steps(
            Path(folder), arguments.kills, arguments.posts, minutes=arguments.minutes
        )
    shown = ", ".join(f"{step} {number} times" for step, number in killed.items())
    sys.stdout.write(f"killed: {shown}; nothing was lost\n")


if __name__ == "__main__":
    main()
