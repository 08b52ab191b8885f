"""What a night does when a part of it fails: the rest goes on, or one sentence says why not."""

import shutil
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from prefect.states import State

from flows.nightly import nightly
from flows.options import RunOptions
from flows.stopwatch import WITH_WARNINGS
from tests.conftest import UNTIL
from vkflow.settings import load_settings

pytestmark = pytest.mark.night

NEXT_NIGHT = UNTIL + timedelta(days=1)


def run(**options: object) -> State:
    return nightly(RunOptions(as_of=NEXT_NIGHT, **options), return_state=True)


def query(home: Path, statement: str) -> list[tuple]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        return connection.execute(statement).fetchall()


def champion(home: Path) -> Path:
    return home / "models" / (home / "models" / "champion").read_text().strip()


def test_source_that_cannot_be_read_is_a_warning_and_the_night_goes_on(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VKFLOW_IMAGES__TAGGER", "none")
    (tmp_path / "posts.parquet").write_bytes(b"PAR1 cut short")
    state = run(source="dataset", path=str(tmp_path / "posts.parquet"))
    assert (state.type.value, state.name) == ("COMPLETED", WITH_WARNINGS)
    assert state.message.startswith("pull failed: ") and "posts.parquet" in state.message
    assert "**Warning**: pull failed: " in state.result()
    assert query(home, "SELECT status FROM runs ORDER BY started_at DESC LIMIT 1") == [
        ("completed with warnings",)
    ]


def test_training_that_fails_leaves_scoring_to_the_champion(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VKFLOW_TRAINING__METRICS", '["tests.fakes.metrics:broken"]')
    monkeypatch.setenv("VKFLOW_SCORING__WINDOW_DAYS", "60")  # more posts to score than before
    before = query(home, "SELECT count(*) FROM predictions")
    state = run()
    assert state.name == WITH_WARNINGS
    assert "train failed: ZeroDivisionError" in state.message
    versions = query(
        home,
        "SELECT DISTINCT model_version FROM predictions WHERE scored_at = "
        "(SELECT max(scored_at) FROM predictions)",
    )
    assert versions == [(champion(home).name,)]
    assert query(home, "SELECT count(*) FROM predictions") > before


def test_lost_bundle_is_trained_anew(home: Path) -> None:
    shutil.rmtree(champion(home))
    state = run()
    assert state.name == "Completed"
    assert champion(home).is_dir()


def test_damaged_bundle_ends_the_night_with_the_way_out(home: Path) -> None:
    assert run().is_completed()  # learns what there is to learn: the next one will not train
    (champion(home) / "arrays.safetensors").write_bytes(b"damaged")
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("DELETE FROM predictions")
    state = run()
    assert state.is_failed()
    assert "arrays.safetensors" in state.message and "promote VERSION" in state.message


def test_damaged_warehouse_is_restored_from_last_nights_backup(home: Path) -> None:
    from flows.operations_commands import restore

    file = home / "warehouse.duckdb"
    runs = query(home, "SELECT count(*) FROM posts")
    file.write_bytes(file.read_bytes()[:10_000])
    state = run()
    assert state.is_failed() and "vkflow restore" in state.message
    restore(None, False)
    assert query(home, "SELECT count(*) FROM posts") == runs
    assert run().is_completed()
    assert len(list((home / "backups").iterdir())) <= load_settings().warehouse.backups
