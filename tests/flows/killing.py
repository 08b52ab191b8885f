"""Kill a night at random moments, let it finish, and compare it with one that was left alone.

``make test-kill`` runs it 50 times; a shorter one is among the slow tests. All the while a reader
queries the published snapshot in a loop. The encoder is a small one, that nights spend their time
on all steps alike, and kills hit them all.
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
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from tasks.up_to_date import UP_TO_DATE
from tests.fakes.tiny_encoder import make_tiny_encoder

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
LAST_NIGHT = UNTIL - timedelta(days=14)
SETTINGS = {
    "VKFLOW_TRAINING__ITERATIONS": "20",
    "VKFLOW_TRAINING__BOOTSTRAP_SAMPLES": "100",
    "VKFLOW_TEXT__CHUNK_TEXTS": "16",
    "VKFLOW_IMAGES__CHUNK_IMAGES": "32",
    "VKFLOW_SCORING__CHUNK_POSTS": "50",
}
NEVER_EQUAL = ("run_id",)
"""Ids are new in every run; all times in these tables are the night's, which is given."""
PRELOADED = ["flows.nightly", "torch", "transformers.modeling_utils", "open_clip", "catboost"]
"""Imported once for all nights."""

NOT_COMPARED = ("runs", "schema_migrations", "work_parts")
"""They say when, and in which parts, which a kill changes."""

processes = multiprocessing.get_context("forkserver")


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        kills: nights that were killed before they ended.
        reads: queries of the published snapshot.
        read_errors: what went wrong with them.
        differences: tables that are not as in the undisturbed night.
        rows: rows compared.
    """

    kills: int = 0
    reads: int = 0
    read_errors: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    rows: int = 0

    def __str__(self) -> str:
        return (
            f"{self.kills} nights killed, {self.rows} rows compared, tables that differ: "
            f"{', '.join(self.differences) or 'none'}; {self.reads} reads meanwhile, "
            f"{len(self.read_errors)} errors"
        )


def run_killed_nights(
    folder: Path, kills: int, posts: int, seed: int = 0, minutes: float = math.inf
) -> Outcome:
    """Do it; a Prefect API must be set in the environment.

    Args:
        folder: where the homes are made.
        kills: nights to kill.
        posts: sample posts; 350 at least, to have a model.
        seed: of the moments.
        minutes: after which no other night is killed.
    """
    from flows.sampling import ensure_sample

    environment = _environment(make_tiny_encoder(folder / "encoder"))
    start, alone, killed = (folder / name for name in ("start", "alone", "killed"))
    ensure_sample(start / "sample", posts, until=UNTIL, owners=10)
    processes.set_forkserver_preload(PRELOADED)
    end = time.monotonic() + 60 * minutes
    _finish(start, LAST_NIGHT, environment)
    shutil.copytree(start, alone)
    began = time.monotonic()
    _finish(alone, UNTIL, environment)
    duration = time.monotonic() - began
    outcome, chance = Outcome(), random.Random(seed)
    stop, answers = processes.Event(), processes.Queue()
    shutil.copytree(start, killed)
    # A daemon: it must not outlive a failure.
    reader = processes.Process(target=_read, args=(killed, stop, answers), daemon=True)
    reader.start()
    home = killed
    while outcome.kills < kills and time.monotonic() < end:
        if _killed_in_time(home, chance.uniform(0, duration), environment):
            outcome.kills += 1
            sys.stderr.write(f"{outcome.kills} nights killed\n")
        else:  # it was done: begin again from the night before, for the same readers
            _compare(alone, home, outcome)
            _start_again(start, home)
    _finish(home, UNTIL, environment)
    stop.set()
    outcome.reads, outcome.read_errors = answers.get(timeout=60)
    reader.join()
    _compare(alone, home, outcome)
    return outcome


def _killed_in_time(home: Path, seconds: float, environment: dict[str, str]) -> bool:
    night = processes.Process(target=_night, args=(home, UNTIL, environment))
    night.start()
    night.join(seconds)
    if night.is_alive():
        os.kill(night.pid, signal.SIGKILL)
        night.join()
        return True
    assert night.exitcode == 0, f"the night failed, exit status {night.exitcode}"
    return False


def _finish(home: Path, as_of: datetime, environment: dict[str, str]) -> None:
    night = processes.Process(target=_night, args=(home, as_of, environment))
    night.start()
    night.join()
    assert night.exitcode == 0, f"the night failed, exit status {night.exitcode}"


def _environment(encoder: Path) -> dict[str, str]:
    """What a night needs: the server that runs these processes may have been started before."""
    from prefect.settings import PREFECT_API_URL

    return {
        **SETTINGS,
        "VKFLOW_TEXT__ENCODER": str(encoder),
        "PREFECT_API_URL": PREFECT_API_URL.value(),
    }


def _night(home: Path, as_of: datetime, environment: dict[str, str]) -> None:
    os.environ.update({**environment, "VKFLOW_HOME": str(home)})
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.nightly import nightly
    from flows.options import RunOptions

    with temporary_settings({PREFECT_API_URL: environment["PREFECT_API_URL"]}):
        state = nightly(RunOptions(as_of=as_of), return_state=True)
    sys.exit(0 if state.name == "Completed" else 1)


def _start_again(start: Path, home: Path) -> None:
    """Only what a night writes, and the snapshot in one step, as always."""
    shutil.rmtree(home / "models")
    shutil.copytree(start / "models", home / "models")
    shutil.copy(start / "warehouse.duckdb", home / "warehouse.duckdb")
    (home / "warehouse.duckdb.wal").unlink(missing_ok=True)


def _read(home: Path, stop, answers) -> None:
    """Query the snapshot in a loop, each time opening it anew, as a reader does."""
    reads, errors = 0, []
    while not stop.is_set():
        try:
            with duckdb.connect(
                str(home / "published" / "predictions.duckdb"), read_only=True
            ) as connection:
                connection.execute("SELECT count(*), avg(p_like) FROM predictions_wide").fetchall()
            reads += 1
        except Exception as error:
            errors.append(repr(error))
        time.sleep(0.05)
    answers.put((reads, errors))


def _compare(alone: Path, home: Path, outcome: Outcome) -> None:
    with duckdb.connect() as connection:
        for name, folder in (("alone", alone), ("killed", home)):
            connection.execute(f"ATTACH '{folder / 'warehouse.duckdb'}' AS {name} (READ_ONLY)")
        tables = connection.execute(
            "SELECT table_name, list(column_name) FROM duckdb_columns() "
            "SEMI JOIN duckdb_tables() USING (database_name, table_name) "
            "WHERE database_name = 'alone' GROUP BY ALL"
        ).fetchall()
        for table, columns in tables:
            if table in NOT_COMPARED:
                continue
            names = ", ".join(f'"{c}"' for c in columns if c not in NEVER_EQUAL)
            if table == "constants":  # the digest of what is up to date says in which home
                names = f"name, if(name = '{UP_TO_DATE}', NULL, value)"
            sides = [f"(SELECT {names} FROM {side}.{table})" for side in ("alone", "killed")]
            (different,) = connection.execute(
                f"SELECT count(*) FROM (({sides[0]} EXCEPT ALL {sides[1]}) "
                f"UNION ALL ({sides[1]} EXCEPT ALL {sides[0]}))"
            ).fetchone()
            (rows,) = connection.execute(f"SELECT count(*) FROM killed.{table}").fetchone()
            outcome.rows += rows
            if different:
                outcome.differences.append(f"{table} ({different} rows)")


def main() -> None:
    """The script: prints what came of it; the exit status says whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--posts", type=int, default=400)
    parser.add_argument("--minutes", type=float, default=90, help="kill no other night after it")
    arguments = parser.parse_args()
    from prefect.testing.utilities import prefect_test_harness

    with tempfile.TemporaryDirectory() as folder, prefect_test_harness(server_startup_timeout=120):
        outcome = run_killed_nights(
            Path(folder), arguments.kills, arguments.posts, minutes=arguments.minutes
        )
    sys.stdout.write(f"{outcome}\n")
    sys.exit(bool(outcome.differences or outcome.read_errors or not outcome.reads))


if __name__ == "__main__":
    main()
