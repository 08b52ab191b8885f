"""Ray does what the local engine does, whatever dies meanwhile."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from tasks.working import work_off
from tests.fakes.doubling import Doubling
from tests.fakes.hashed_words import load_hashed_words
from tests.fakes.numbers import LAST, Numbers, expected
from vkflow.engines.engine import WorkFailedError
from vkflow.engines.opening import open_engine
from vkflow.engines.ray_data import _import_ray
from vkflow.errors import SettingsError
from vkflow.settings import Settings, load_settings

pytestmark = [pytest.mark.scale, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
PATIENCE = 180


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    (tmp_path / "journal").mkdir()
    return tmp_path / "journal"


@pytest.fixture
def numbers(tmp_path: Path) -> Numbers:
    return Numbers(load_settings(home=tmp_path / "home", engine="ray"))


def lines(journal: Path) -> list[str]:
    return [line for file in journal.iterdir() for line in file.read_text().splitlines()]


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)


def test_a_row_workers_fail_on_is_refused_and_all_others_land(numbers: Numbers) -> None:
    assert work_off(numbers.settings, numbers.work(Doubling("raises"))) == LAST
    assert sorted(numbers.rows()) == expected("ValueError")
    assert len(numbers.parts()) == 5


def test_a_row_that_kills_its_worker_is_found_out(numbers: Numbers, journal: Path) -> None:
    work_off(numbers.settings, numbers.work(Doubling("dies", journal=journal)))
    assert sorted(numbers.rows()) == expected("BrokenProcessPool")
    killers = [line for line in lines(journal) if line.startswith("[12, 13, 14, 15]")]
    assert len(killers) == 2, "once in the actor, once in a process of its own"


def test_what_kills_actors_again_and_again_is_given_up(numbers: Numbers, journal: Path) -> None:
    worker = Doubling("takes its parent along", journal=journal)
    with pytest.raises(WorkFailedError, match="3 workers died"):
        work_off(numbers.settings, numbers.work(worker))
    assert sorted(numbers.rows()) == sorted(
        (n, d) for n, d in expected() if int(n) not in (12, 13, 14, 15)
    )
    work_off(numbers.settings, numbers.work(Doubling()))
    assert sorted(numbers.rows()) == expected()


def test_a_fault_of_the_workers_own_fails_the_step_once_all_else_is_stored(
    numbers: Numbers,
) -> None:
    with pytest.raises(WorkFailedError, match=r"1 parts .*MemoryError"):
        work_off(numbers.settings, numbers.work(Doubling("lacks memory")))
    assert len(numbers.rows()) == LAST - 4


def is_ray_at_work() -> bool:
    """What hands out parts and uses a cluster that is gone ends the process."""
    return any(thread.name.startswith("StreamingExecutor") for thread in threading.enumerate())


def test_work_left_in_the_middle_is_ended_before_the_cluster(numbers: Numbers) -> None:
    def full(*_: object) -> None:
        assert is_ray_at_work()
        raise OSError("no space left")

    numbers.store = full
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(OSError, match="no space") as raised,
    ):
        patch.setattr("tasks.working.SECONDS_BETWEEN_STORES", 0)
        work_off(numbers.settings, numbers.work(Doubling(seconds=2)))
    assert raised.tb, "which still holds what was left"
    assert not is_ray_at_work()


def test_no_progress_is_an_error_and_no_hang(numbers: Numbers) -> None:
    ray = numbers.settings.ray.model_copy(update={"stall_minutes": 1.0})
    settings = numbers.settings.model_copy(update={"ray": ray})
    with pytest.raises(WorkFailedError, match="no part of the work was finished for 1 minutes"):
        work_off(settings, numbers.work(Doubling("sleeps")))
    assert "13" not in dict(numbers.rows())
    assert not is_ray_at_work()


def test_a_killed_actor_costs_its_part_and_no_more(numbers: Numbers, journal: Path) -> None:
    def kill() -> None:
        wait_for(lambda: len(lines(journal)) >= 3)
        newest = max(journal.iterdir(), key=lambda file: file.stat().st_mtime)
        os.kill(int(newest.name), signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    work_off(numbers.settings, numbers.work(Doubling(seconds=2, journal=journal)))
    killer.join(1)
    assert not killer.is_alive(), "nothing was killed"
    assert sorted(numbers.rows()) == expected()
    assert sorted(n for _, n in numbers.parts()) == [4] * 5
    assert len(lines(journal)) == 6


def start(home: Path, fault: str, seconds: float, journal: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.scale.doubling", str(home), fault, str(seconds)]
    return subprocess.Popen([*command, str(journal)], cwd=ROOT, env=os.environ | {"NODE": "first"})


def test_a_killed_flow_goes_on_where_it_was(
    tmp_path: Path, numbers: Numbers, journal: Path
) -> None:
    flow = start(numbers.settings.home, "none", 3, journal)
    wait_for(lambda: len(list(numbers.settings.home.rglob("*.result.parquet"))) >= 2)
    flow.kill()
    flow.wait()
    time.sleep(10)  # actors without a driver end by themselves
    finished = {file.name for file in numbers.settings.home.rglob("*.result.parquet")}
    before = len(lines(journal))
    work_off(numbers.settings, numbers.work(Doubling(journal=journal)))
    assert sorted(numbers.rows()) == expected()
    assert len(lines(journal)) - before == 5 - len(finished) <= 3
    assert max(Counter(name for name, _ in numbers.parts()).values()) == 1


def test_a_cancelled_run_ends_at_once_and_leaves_no_process(
    numbers: Numbers, journal: Path
) -> None:
    """With the signal handler that was there before Ray came."""
    flow = start(numbers.settings.home, "none", 60, journal)
    wait_for(lambda: lines(journal))
    flow.terminate()
    assert flow.wait(60) == 1, "SystemExit with a message, and no signal"
    time.sleep(5)
    running = {p.name() for p in psutil.process_iter() if p.status() != psutil.STATUS_ZOMBIE}
    assert not running & {"raylet", "gcs_server"}


def test_handlers_of_signals_stay_and_strangers_are_refused(numbers: Numbers) -> None:
    mine = signal.signal(signal.SIGTERM, lambda *_: None)
    handler = signal.getsignal(signal.SIGTERM)
    try:
        with open_engine(numbers.settings):
            import ray

            assert signal.getsignal(signal.SIGTERM) is handler
            address = ray.get_runtime_context().gcs_address
            stranger = subprocess.run(
                [sys.executable, "-c", f"import ray; ray.init(address={address!r})"],
                env=os.environ | {"RAY_AUTH_TOKEN": "0" * 64},
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert stranger.returncode != 0
            assert "token" in stranger.stderr.lower()
        assert signal.getsignal(signal.SIGTERM) is handler
        with contextlib.suppress(Exception):
            ray.put("whatever still runs in the background")
        assert not ray.is_initialized(), "it would start another cluster"
    finally:
        signal.signal(signal.SIGTERM, mine)


def test_a_cluster_that_is_not_there_is_told(numbers: Numbers) -> None:
    ray = numbers.settings.ray.model_copy(update={"address": "127.0.0.1:9"})
    settings = numbers.settings.model_copy(update={"ray": ray})
    with pytest.raises(WorkFailedError, match=r"127.0.0.1:9 does not answer"):
        work_off(settings, numbers.work(Doubling()))


def test_two_machines_share_the_work_and_one_may_go(numbers: Numbers, journal: Path) -> None:
    _import_ray(numbers.settings.ray)  # which reads its token but once in a process
    from ray.cluster_utils import Cluster

    numbers.last = 60
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 10**8},
    )
    try:
        machines = [
            cluster.add_node(num_cpus=2, object_store_memory=10**8, env_vars={"NODE": name})
            for name in ("first", "second")
        ]
        ray = numbers.settings.ray.model_copy(update={"address": cluster.address})
        settings = numbers.settings.model_copy(update={"ray": ray})

        def kill() -> None:
            wait_for(lambda: {line.split()[-1] for line in lines(journal)} == {"first", "second"})
            time.sleep(1.5)
            cluster.remove_node(machines[0], allow_graceful=False)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        work_off(settings, numbers.work(Doubling(seconds=3, journal=journal)))
        killer.join(1)
        assert not killer.is_alive(), "no machine was lost"
    finally:
        cluster.shutdown()
    assert sorted(numbers.rows()) == expected(last=60)
    parts = Counter(name for name, _ in numbers.parts())
    assert len(parts) == 15 and max(parts.values()) == 1


def night(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple]:
    """The steps of a night that an engine has a part in; what all tables hold then."""
    from tasks.pictures import tag_pictures
    from tasks.pulling import pull_posts
    from tasks.scoring import score_posts
    from tasks.step import warehouse_of
    from tasks.texts import compute_text_statistics, embed_texts
    from tasks.training import decide_on_bundle, train_bundle

    monkeypatch.setattr("tasks.texts.load_encoder", load_hashed_words)
    monkeypatch.setattr("tasks.training.emit_event", lambda *_, **__: None)
    pull_posts.fn(settings, UNTIL)
    compute_text_statistics.fn(settings)
    assert embed_texts.fn(settings).texts > 300
    assert tag_pictures.fn(settings) > 200
    version = train_bundle.fn(settings, UNTIL).model_version
    decide_on_bundle.fn(settings, version, UNTIL)
    assert score_posts.fn(settings, UNTIL, "run").rows > 500
    with warehouse_of(settings) as connection:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary"
        ).fetchall()
        return {
            table: connection.execute(
                f"SELECT count(*), sum(hash({table})::HUGEINT) FROM {table}"
                if table != "work_parts"
                else "SELECT count(*), sum(hash(step, part, n_rows)::HUGEINT) FROM work_parts"
            ).fetchone()
            for (table,) in tables
            if table != "schema_migrations"
        }


def test_a_night_gives_the_same_tables_on_both_engines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.sampling import ensure_sample

    ensure_sample(tmp_path / "ray" / "sample", 350, until=UNTIL, owners=10)
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "sample").symlink_to(tmp_path / "ray" / "sample")
    found = {
        engine: night(
            load_settings(
                home=tmp_path / engine,
                engine=engine,
                training={"iterations": 60, "bootstrap_samples": 100, "threads": 1},
                text={"chunk_texts": 50},
                images={"chunk_images": 64},
                scoring={"chunk_posts": 20},
            ),
            monkeypatch,
        )
        for engine in ("local", "ray")
    }
    assert found["ray"] == found["local"]
    assert found["ray"]["text_embeddings"][0] > 300
    assert found["ray"]["predictions"][0] > 500
    assert found["ray"]["work_parts"][0] > 20


def test_more_gpus_than_there_are_ask_for_machines(numbers: Numbers) -> None:
    with open_engine(numbers.settings) as engine:
        job = numbers.work(Doubling())
        with pytest.raises(SettingsError, match="has 0 CPUs"):
            engine._actors(job, {}, 1)
        assert engine._actors(job, {"CPU": 4, "GPU": 2}, 9) == (1.0, 2)
        assert engine._actors(job, {"CPU": 4}, 9) == (0.0, 3)
        assert engine._actors(job, {"CPU": 4}, 2) == (0.0, 2)
