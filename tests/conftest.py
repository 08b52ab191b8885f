import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from tests.fakes.postgres import Postgres, running_postgres, why_not
from tests.fakes.tiny_encoder import make_tiny_encoder

# Set before anything imports transformers or Prefect: tests never leave this machine.
os.environ.update(
    HF_HUB_OFFLINE="1",
    DO_NOT_TRACK="1",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
)
# Beside one another, processes with a thread for every core wait in loops more than they work.
if "PYTEST_XDIST_WORKER" in os.environ:
    assert "numpy" not in sys.modules, "too late"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
for variable in [name for name in os.environ if name.startswith("VKFLOW_")]:
    del os.environ[variable]

# A busy machine is no defect of what is tested.
hypothesis.settings.register_profile("vkflow", deadline=None)
hypothesis.settings.load_profile("vkflow")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--lake",
        choices=["folder", "s3"],
        help="run the warehouse's tests on DuckLakes with their data in a folder, or on S3",
    )


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the two nights is a test of nights, wherever it stands.

    One process makes them at once; the other files that need them come last.
    """
    of_nights = [item for item in items if "nights" in getattr(item, "fixturenames", ())]
    for item in of_nights:
        item.add_marker(pytest.mark.night)
    waiting = list(dict.fromkeys(item.path for item in of_nights))
    order = dict.fromkeys(waiting, 2) | dict.fromkeys(waiting[:1], 0)
    items.sort(key=lambda item: order.get(item.path, 1))


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all processes of a run have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(autouse=True, scope="session")
def _one_encoder_for_all_homes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The offline encoder is made once, not in every home of every test and its processes."""
    os.environ["VKFLOW_HUB"] = str(shared_folder(tmp_path_factory) / "hub")


@pytest.fixture(autouse=True)
def _no_settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A vkflow.toml in the checkout must not change what a test sees."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def tiny_encoder_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """XLM-RoBERTa with its real classes, random weights and a tokenizer trained here."""
    return make_tiny_encoder(tmp_path_factory.mktemp("models") / "tiny-xlm-roberta")


UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
LAST_NIGHT = UNTIL - timedelta(days=1)
N_POSTS = 700
ITERATIONS = "60"


@dataclass(frozen=True)
class Nights:
    """A home after two nights on sample posts, the second with new ones."""

    home: Path
    summaries: tuple[str, str]


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One real Prefect API for all tests that run flows: starting it takes half a minute."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def nights(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    """Two real nights, made once for all processes of a run: each has a copy of its own."""
    made = shared_folder(tmp_path_factory) / "nights"
    summaries = made / "summaries.json"
    with FileLock(made.with_suffix(".lock")):
        if not summaries.exists():
            shutil.rmtree(made, ignore_errors=True)
            told = two_nights(made / "home")
            summaries.write_text(json.dumps(told), encoding="utf-8")
    home = tmp_path_factory.mktemp("nights") / "home"
    shutil.copytree(made / "home", home)
    first, second = json.loads(summaries.read_text(encoding="utf-8"))
    return Nights(home, (first, second))


def two_nights(home: Path) -> list[str]:
    """Through Prefect, with the real encoder, tagger and training; returns their summaries."""
    from flows.nightly import nightly
    from flows.options import RunOptions
    from flows.sampling import ensure_sample

    ensure_sample(home / "sample", N_POSTS, until=UNTIL, owners=15)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VKFLOW_HOME", str(home))
        patch.setenv("VKFLOW_TRAINING__ITERATIONS", ITERATIONS)
        return [nightly(RunOptions(as_of=moment)) for moment in (LAST_NIGHT, UNTIL)]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One PostgreSQL server for all tests that need one; see ``postgres``."""
    if missing := why_not():
        pytest.skip(missing)
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: Postgres) -> Postgres:
    """The server, with an empty database."""
    with postgres_server.connect() as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute("GRANT USAGE ON SCHEMA public TO reader")
    return postgres_server
