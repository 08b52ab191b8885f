"""Where there are more labelled posts than are to be learnt from, a sample is."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tasks.labelled_posts import count_labelled_posts, labelled_posts, training_fingerprint
from tasks.pulling import pull_posts
from vkflow.sample.files import write_sample
from vkflow.sample.world import draw_world
from vkflow.settings import Settings, load_settings

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home: Path = tmp_path_factory.mktemp("sampled")
    write_sample(home / "sample", draw_world(1_400, until=UNTIL, n_owners=4))
    settings = load_settings(home=home, images={"tagger": "none"})
    pull_posts.fn(settings, UNTIL)
    return settings


def learning_from(settings: Settings, most: int) -> Settings:
    training = settings.training.model_copy(update={"max_posts": most})
    return settings.model_copy(update={"training": training})


def test_no_more_posts_are_learnt_from_than_is_set(settings: Settings) -> None:
    assert count_labelled_posts(settings, UNTIL) > 1_100
    few = learning_from(settings, 1_000)
    assert count_labelled_posts(few, UNTIL) == 1_000
    with labelled_posts(few, UNTIL) as posts:
        rows = pl.concat([chunk.select("owner_id", "post_id") for chunk in posts.read()])
    assert len(rows) == 1_000
    assert posts.outcomes.select("owner_id", "post_id").unique().height == 1_000


def test_a_bundle_is_trained_anew_only_where_the_limit_is_felt(settings: Settings) -> None:
    all_posts = training_fingerprint(settings, UNTIL)
    assert training_fingerprint(learning_from(settings, 4_000), UNTIL) == all_posts
    assert training_fingerprint(learning_from(settings, 1_000), UNTIL) != all_posts
