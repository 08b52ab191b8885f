"""Do intervals of drafts hold 90 % of what comes, on worlds and posts they know nothing of?"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flows.sampling import ensure_sample
from tasks import texts as texts_task
from tasks import training
from tasks.pulling import pull_posts
from tasks.selected_posts import selected_posts
from tasks.step import warehouse_of
from tasks.training import train_bundle
from tests.fakes.hashed_words import HashedWords
from vkflow.drafts.forecast import intervals
from vkflow.modelling.bundles import load_bundle
from vkflow.modelling.training_set import align_outcomes
from vkflow.settings import load_settings
from warehouse import features

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
NIGHT = UNTIL - timedelta(days=30)
SEEDS = range(4)


def coverage(home: Path, seed: int) -> tuple[dict[str, float], dict[str, int]]:
    """Share of later posts whose rates their intervals hold, and their number, by activity."""
    ensure_sample(home / "sample", 3_000, until=UNTIL, seed=seed)
    settings = load_settings(home=home, images={"tagger": "none"}, training={"threads": 1})
    pull_posts.fn(settings, UNTIL)
    texts_task.compute_text_statistics.fn(settings)
    texts_task.embed_texts.fn(settings)
    version = train_bundle.fn(settings, NIGHT).model_version
    bundle = load_bundle(settings.models_directory, str(version))
    with warehouse_of(settings) as connection:
        features.select_published_between(connection, NIGHT, UNTIL)
        rows = pl.concat(list(selected_posts(connection, bundle.manifest)))
        counts, chances = align_outcomes(rows, features.read_selected_outcomes(connection))
    held, known = {}, {}
    for activity, probabilities in bundle.predict(rows).items():
        low, high = intervals(bundle.manifest.spreads[activity], probabilities, rows)
        rate = counts[activity] / chances[activity]
        told = ~np.isnan(rate)
        held[activity] = float(((low <= rate) & (rate <= high))[told].mean())
        known[activity] = int(told.sum())
    return held, known


@pytest.mark.slow
def test_intervals_hold_nine_in_ten_posts_that_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts_task, "load_encoder", lambda _settings: HashedWords())
    monkeypatch.setattr(training, "emit_event", lambda **_: None)
    found = [coverage(tmp_path / str(seed), seed) for seed in SEEDS]
    means = [np.mean(list(held.values())) for held, _ in found]
    assert all(min(known.values()) > 400 for _, known in found)
    assert 0.88 < np.mean(means) < 0.92
    assert min(means) > 0.86 and max(means) < 0.94
    for activity in found[0][0]:
        assert 0.86 < np.mean([held[activity] for held, _ in found]) < 0.94, activity
