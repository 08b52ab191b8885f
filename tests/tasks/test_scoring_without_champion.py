from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tasks.pulling import pull_posts
from tasks.scoring import score_posts
from tasks.step import warehouse_of
from tasks.training import train_bundle
from vkflow.sample.files import write_sample
from vkflow.sample.world import draw_world
from vkflow.settings import Settings, load_settings

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Posts that nobody has trained a bundle on."""
    home: Path = tmp_path_factory.mktemp("untrained")
    world = draw_world(150, until=UNTIL, n_owners=4)
    write_sample(home / "sample", world)
    settings = load_settings(home=home, images={"tagger": "none"})
    pull_posts.fn(settings, UNTIL)
    return settings


def stored(settings: Settings, statement: str) -> pl.DataFrame:
    with warehouse_of(settings) as connection:
        return connection.execute(statement).pl()


def test_without_a_champion_posts_get_the_rates_of_their_owners(settings: Settings) -> None:
    scored = score_posts.fn(settings, UNTIL, "first")
    assert scored.model_version == "rates-20261102"
    assert scored.rows == 8 * scored.posts > 0
    found = stored(settings, "SELECT * FROM latest_predictions")
    assert set(found["predicted_by"]) <= {"owner rate", "global rate"}
    assert found["probability"].is_between(0, 1, closed="none").all()
    assert "owner rate" in set(found["predicted_by"])
    likes = found.filter(activity="like")
    assert likes["probability"].n_unique() > 1


def test_scoring_again_the_same_night_adds_nothing(settings: Settings) -> None:
    score_posts.fn(settings, UNTIL, "again")
    before = stored(settings, "SELECT * FROM predictions ORDER BY ALL")
    assert score_posts.fn(settings, UNTIL, "and again").rows == 0
    assert stored(settings, "SELECT * FROM predictions ORDER BY ALL").equals(before)


def test_without_any_label_there_is_nothing_to_predict_from(settings: Settings) -> None:
    scored = score_posts.fn(settings, UNTIL - timedelta(days=365), "too early")
    assert (scored.model_version, scored.rows) == (None, 0)
    assert "no post with a label" in scored.message


def test_posts_older_than_the_windows_are_told_of_with_the_way_out(settings: Settings) -> None:
    later = UNTIL + timedelta(days=400)
    for message in (
        score_posts.fn(settings, later, "too late").message,
        train_bundle.fn(settings, later).message,
    ):
        assert "before the training window of 180 days" in message
        assert "--as-of 2026-11-0" in message and "VKFLOW_TRAINING__WINDOW_DAYS" in message
    assert "window" not in train_bundle.fn(settings, UNTIL).message
