"""The sample world: what is drawn, and that it is the same whenever it is drawn."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from vkflow.activities import ACTIVITY_NAMES, COUNT_COLUMNS
from vkflow.errors import SettingsError
from vkflow.sample.drawings import CATEGORIES
from vkflow.sample.observables import INTERACTIONS, TEXT_STYLES, WEEKDAYS
from vkflow.sample.posts import picture_shares
from vkflow.sample.texts.grammar import TOPICS
from vkflow.sample.world import World, draw_world

UNTIL = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
KEY = ["owner_id", "post_id"]
FRAMES = ("posts", "snapshots", "observables", "effects", "oracle")


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(4_000, until=UNTIL, seed=3)


@pytest.mark.parametrize("frame", FRAMES)
def test_the_same_arguments_give_the_same_world(frame: str):
    first, second = (draw_world(300, until=UNTIL, seed=5) for _ in range(2))
    assert_frame_equal(getattr(first, frame), getattr(second, frame))


def test_a_zone_of_the_same_instant_changes_nothing():
    other_zone = UNTIL.astimezone(tz=datetime.now().astimezone().tzinfo)
    assert draw_world(50, until=other_zone).settings == draw_world(50, until=UNTIL).settings


def test_another_process_draws_the_same_world():
    program = (
        "from datetime import datetime, UTC; from vkflow.sample.world import draw_world;"
        f"world = draw_world(50, until=datetime.fromisoformat({UNTIL.isoformat()!r}), seed=5);"
        "print(repr(world.posts['text'].to_list() + world.snapshots['likes'].to_list()))"
    )
    drawn = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    here = draw_world(50, until=UNTIL, seed=5)
    assert drawn.stdout.strip() == repr(
        here.posts["text"].to_list() + here.snapshots["likes"].to_list()
    )


@pytest.mark.parametrize("frame", FRAMES)
def test_another_seed_gives_another_world(frame: str):
    first, second = (draw_world(300, until=UNTIL, seed=seed) for seed in (5, 6))
    assert not getattr(first, frame).equals(getattr(second, frame))


def test_columns_have_the_promised_types(world: World):
    time = pl.Datetime("us", "UTC")
    assert world.posts.schema == {
        "owner_id": pl.Int64,
        "post_id": pl.Int64,
        "published_at": time,
        "text": pl.String,
        "is_ad": pl.Boolean,
        "topic": pl.String,
        "picture_category": pl.String,
        "picture_seed": pl.Int64,
    }
    counts = dict.fromkeys(("views", "reach", *COUNT_COLUMNS), pl.Int64)
    keys = {"owner_id": pl.Int64, "post_id": pl.Int64, "observed_at": time}
    assert world.snapshots.schema == {**keys, **counts}
    assert world.snapshots["reach"].null_count() == len(world.snapshots)


def test_posts_are_of_communities_with_rising_ids(world: World):
    assert world.posts.select(pl.struct(KEY).is_unique().all()).item()
    assert (world.posts["owner_id"] < 0).all()
    assert world.posts["owner_id"].n_unique() == 60
    rising = world.posts.select((pl.col("post_id").diff().over("owner_id").fill_null(1) > 0).all())
    assert rising.item()


def test_posts_are_published_within_the_days(world: World):
    published = world.posts["published_at"]
    assert published.min() >= UNTIL - timedelta(days=120)
    assert published.max() < UNTIL
    assert published.is_sorted()


def test_fewer_posts_at_night_by_moscow_time(world: World):
    hours = world.observables["hour"].cast(pl.Int64)
    assert hours.is_between(1, 5).mean() < 0.06
    assert hours.is_between(17, 21).mean() > 0.25


def test_every_topic_style_and_category_occurs(world: World):
    assert set(world.posts["topic"]) == set(TOPICS)
    assert set(world.posts["picture_category"].drop_nulls()) == set(CATEGORIES)
    assert set(world.observables["weekday"]) == set(WEEKDAYS)
    for flag in (*TEXT_STYLES, *INTERACTIONS):
        assert world.observables[flag].sum() > 10, flag


def test_picture_categories_are_those_that_can_be_drawn():
    categories, shares = picture_shares()
    assert set(categories) == set(CATEGORIES)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)


def test_a_twelfth_of_posts_has_no_picture_and_then_has_a_text(world: World):
    bare = world.posts.filter(pl.col("picture_category").is_null())
    assert abs(len(bare) / len(world.posts) - 1 / 12) < 0.02
    assert (bare["text"] != "").all()
    assert bare["picture_seed"].null_count() == len(bare)


def test_owners_differ_in_topics_and_style(world: World):
    joined = world.observables.join(world.posts.select(*KEY, about="topic"), on=KEY)
    per_owner = joined.group_by("owner").agg(pl.col("about").n_unique(), pl.col("emoji").mean())
    assert per_owner["about"].max() <= 3
    assert per_owner["emoji"].std() > 0.15


def test_texts_are_mostly_unique_and_some_are_repeated(world: World):
    texts = world.posts.filter(pl.col("text").str.len_chars() > 40)["text"]
    assert 0.01 < 1 - texts.n_unique() / len(texts) < 0.06


def test_adverts_are_marked(world: World):
    assert 0.03 < world.posts["is_ad"].mean() < 0.2


def test_a_text_without_words_tells_no_topic(world: World):
    assert (world.observables.filter("empty")["topic"].is_null()).all()


@pytest.mark.parametrize(
    "wrong",
    [{"n_posts": 0}, {"days": 0}, {"n_owners": 0}, {"seed": -1}, {"until": datetime(2026, 6, 1)}],
)
def test_wrong_arguments_are_named(wrong: dict[str, object]):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        draw_world(**{"n_posts": 10, "until": UNTIL, **wrong})


@pytest.mark.parametrize("sizes", [{"n_posts": 1}, {"n_owners": 1}, {"days": 1}])
def test_small_worlds_can_be_drawn(sizes: dict[str, int]):
    small = draw_world(**{"n_posts": 30, "until": UNTIL, **sizes})
    assert len(small.oracle) == len(small.posts) * len(ACTIVITY_NAMES)
