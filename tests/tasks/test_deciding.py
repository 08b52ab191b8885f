"""What the warehouse calls the champion and what the file of the bundles names are the same."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tasks import training
from tasks.step import warehouse_of
from tasks.training import decide_on_bundle
from vkflow.settings import Settings, load_settings
from warehouse import models

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home with one bundle, "m1", that is good enough and waits for a decision."""
    monkeypatch.setattr(training, "emit_event", lambda **_: None)
    settings = load_settings(home=tmp_path)
    settings.models_directory.mkdir()
    metrics = pl.DataFrame(
        {"metric": ["gain_over_global", "gain_over_owner"], "value": [0.2, 0.1]}
    ).with_columns(activity=pl.lit("all"), split=pl.lit("test"), low=0.0, high=0.3)
    with warehouse_of(settings) as connection:
        models.write_model(
            connection,
            model_version="m1",
            created_at=NIGHT,
            trained_on=(None, None),
            n_posts=1_000,
            manifest="{}",
            metrics=metrics,
        )
    return settings


def champion(settings: Settings) -> str | None:
    with warehouse_of(settings) as connection:
        return models.champion_version(connection, NIGHT)


def test_decision_whose_file_could_not_be_written_is_made_anew(settings: Settings) -> None:
    """Decided once, it was never named again."""
    file = settings.models_directory / "champion"
    file.mkdir()
    with pytest.raises(OSError, match="directory"):
        decide_on_bundle.fn(settings, "m1", NIGHT)
    assert champion(settings) is None
    file.rmdir()
    assert "m1 promoted" in decide_on_bundle.fn(settings, "m1", NIGHT)
    assert (champion(settings), file.read_text()) == ("m1", "m1\n")
