import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling, Scheduling

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

ON_ONE_SERVER = ("tests/flows/", "tests/test_readme.py", "tests/warehouse/test_dictionary.py")
"""Tests that share Prefect's server and a home after two nights: a minute and a half to make."""


class FilesOfOneServer(LoadFileScheduling):
    """Each file is run by one process, and all that share the server by the same one."""

    def _split_scope(self, nodeid: str) -> str:
        return "server" if nodeid.startswith(ON_ONE_SERVER) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    return FilesOfOneServer(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(autouse=True, scope="session")
def _one_encoder_for_all_homes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The offline encoder is made once, not in every home of every test and its processes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    os.environ["VKFLOW_HUB"] = str(shared / "hub")


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
    """Two real nights, through Prefect, with the real encoder, tagger and training."""
    from flows.nightly import nightly
    from flows.options import RunOptions
    from flows.sampling import ensure_sample

    home = tmp_path_factory.mktemp("nights")
    ensure_sample(home / "sample", N_POSTS, until=UNTIL, owners=15)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VKFLOW_HOME", str(home))
        patch.setenv("VKFLOW_TRAINING__ITERATIONS", "200")
        summaries = [nightly(RunOptions(as_of=moment)) for moment in (LAST_NIGHT, UNTIL)]
    return Nights(home, (summaries[0], summaries[1]))


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
