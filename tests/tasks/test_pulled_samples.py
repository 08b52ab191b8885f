"""Pulling the sample world: a night sees what was there by then."""

import shutil
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tasks.pull_counts import PullCounts
from tasks.pulling import pull_posts
from tests.fakes.pulled_files import (
    NIGHT,
    ask,
    whole_warehouse,
)
from vkflow.errors import SourceError
from vkflow.images.media import picture_name
from vkflow.sample.files import write_sample
from vkflow.sample.world import World, draw_world
from vkflow.settings import Settings, load_settings

UNTIL = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(60, until=UNTIL, n_owners=5, days=40)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, world: World) -> Path:
    directory = tmp_path_factory.mktemp("sample")
    write_sample(directory, world)
    return directory


@pytest.fixture
def sample_settings(home: Path, sample: Path) -> Settings:
    shutil.copytree(sample, home / "sample")
    return load_settings(home=home)


def known_at(world: World, night: datetime) -> tuple[list[Any], list[Any]]:
    posts = world.posts.filter(pl.col("published_at") <= night)
    snapshots = world.snapshots.filter(pl.col("observed_at") <= night)
    return (
        sorted(posts.select("owner_id", "post_id", "published_at", "text", "is_ad").rows()),
        sorted(
            snapshots.select("owner_id", "post_id", "observed_at", "views", "likes", "opens").rows()
        ),
    )


def stored(home: Path) -> tuple[list[Any], list[Any]]:
    return (
        ask(
            home,
            "SELECT owner_id, post_id, published_at, text, is_ad FROM posts "
            "ORDER BY owner_id, post_id",
        ),
        ask(
            home,
            "SELECT owner_id, post_id, observed_at, views, likes, opens FROM snapshots "
            "ORDER BY owner_id, post_id, observed_at",
        ),
    )


def test_a_night_of_the_sample_sees_what_was_there_by_then_and_the_next_only_the_new(
    home: Path, world: World, sample_settings: Settings
):
    nights = [UNTIL - timedelta(days=20), UNTIL - timedelta(days=19), UNTIL]
    seen = (0, 0)
    for night in nights:
        counts = pull_posts.fn(sample_settings, night)
        posts, snapshots = known_at(world, night)
        assert stored(home) == (posts, snapshots)
        assert (counts.new, counts.snapshots) == (len(posts) - seen[0], len(snapshots) - seen[1])
        assert counts.seen == counts.new
        assert (counts.changed, counts.quarantined) == (0, Counter())
        assert (len(posts), len(snapshots)) > seen
        seen = (len(posts), len(snapshots))
    assert seen[0] == 60


def test_a_night_of_the_sample_pulled_twice_changes_nothing(home: Path, sample_settings: Settings):
    pull_posts.fn(sample_settings, UNTIL)
    before = whole_warehouse(home)
    assert pull_posts.fn(sample_settings, UNTIL) == PullCounts()
    assert whole_warehouse(home) == before


def test_an_earlier_night_after_a_later_one_takes_nothing_back(
    home: Path, sample_settings: Settings
):
    pull_posts.fn(sample_settings, UNTIL - timedelta(days=10))
    before = whole_warehouse(home)
    assert pull_posts.fn(sample_settings, UNTIL - timedelta(days=20)) == PullCounts()
    assert whole_warehouse(home) == before


def test_pictures_of_the_sample_are_stored(home: Path, world: World, sample_settings: Settings):
    pull_posts.fn(sample_settings, UNTIL)
    with_picture = world.posts.filter(pl.col("picture_category").is_not_null())
    assert ask(home, "SELECT count(*) FROM posts JOIN images USING (image_hash)") == [
        (len(with_picture),)
    ]
    hashes = ask(home, "SELECT image_hash FROM images WHERE status = 'ok'")
    assert hashes
    assert all((home / "media" / picture_name(image_hash)).is_file() for (image_hash,) in hashes)


def test_without_a_sample_the_remedy_is_named(home: Path):
    with pytest.raises(SourceError, match="vkflow sample"):
        pull_posts.fn(load_settings(home=home), NIGHT)
