"""The first weeks of a new user: everything before the first pull is crawled at once, then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tasks import texts as texts_task
from tasks import training as training_task
from tasks.growing import estimate_growth
from tasks.labelled_posts import labelled_posts
from tasks.pulling import pull_posts
from tasks.training import decide_on_bundle, train_bundle
from tests.fakes.hashed_words import HashedWords
from vkflow.activities import COUNT_COLUMNS
from vkflow.modelling.bundles import load_bundle
from vkflow.modelling.evaluation import summarise_judged
from vkflow.modelling.judging import judge_posts
from vkflow.sample.files import write_sample
from vkflow.sample.world import World, draw_world
from vkflow.settings import Settings, load_settings
from warehouse import models

FIRST_PULL = datetime(2026, 8, 25, tzinfo=UTC)
UNTIL = FIRST_PULL + timedelta(days=75)
NIGHTS = (0, 7, 14, 21, 28, 34, 37, 40, 43, 46, 52, 60)


def counts_at_first_pull(snapshots: pl.DataFrame) -> pl.DataFrame:
    """A snapshot at ``FIRST_PULL`` of each post seen before: between the visits around it, in
    proportion to the logarithm of the age."""
    post = ["owner_id", "post_id"]
    before = pl.col("observed_at") < FIRST_PULL
    earlier = snapshots.filter(before).sort("observed_at").unique(post, keep="last")
    later = snapshots.filter(~before).sort("observed_at").unique(post, keep="first")
    both = earlier.join(later.drop("published_at"), on=post, how="left", suffix="_later")

    def log_age(moment: pl.Expr) -> pl.Expr:
        return (moment - pl.col("published_at")).dt.total_seconds().log()

    start = log_age(pl.col("observed_at"))
    place = (log_age(pl.lit(FIRST_PULL)) - start) / (log_age(pl.col("observed_at_later")) - start)
    counts = [
        pl.col(name) + ((pl.col(f"{name}_later") - pl.col(name)) * place.fill_null(0)).fill_null(0)
        for name in ("views", *COUNT_COLUMNS)
    ]
    return both.with_columns(
        *(count.round().cast(pl.Int64) for count in counts),
        observed_at=pl.lit(FIRST_PULL).dt.cast_time_unit("us"),
    ).select(snapshots.columns)


def crawled_at_first_pull(world: World) -> World:
    """The world as somebody sees it who pulled for the first time at ``FIRST_PULL``."""
    published = world.posts.select("owner_id", "post_id", "published_at")
    snapshots = world.snapshots.join(published, on=["owner_id", "post_id"], how="left")
    first_crawl = counts_at_first_pull(snapshots)
    later = snapshots.filter(pl.col("observed_at") >= FIRST_PULL)
    seen = pl.concat([first_crawl, later]).drop("published_at")
    posts = world.posts.with_columns(
        pl.lit(None, world.posts.schema[name]).alias(name)
        for name in ("picture_category", "picture_seed")
    )
    return replace(world, posts=posts, snapshots=seen)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home: Path = tmp_path_factory.mktemp("first-weeks")
    world = draw_world(6_000, until=UNTIL, days=255, n_owners=40)
    write_sample(home / "sample", crawled_at_first_pull(world))
    settings = load_settings(home=home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts_task, "load_encoder", lambda _settings: HashedWords())
        pull_posts.fn(settings, UNTIL)
        texts_task.compute_text_statistics.fn(settings)
        texts_task.embed_texts.fn(settings)
    return settings


def gain_of_champion(settings: Settings, night: datetime) -> tuple[float, str]:
    """Gain over the owner rate on the posts of the seven days after, and what was decided."""
    estimate_growth.fn(settings, night)
    trained = train_bundle.fn(settings, night)
    decision = decide_on_bundle.fn(settings, trained.model_version, night)
    with training_task.warehouse_of(settings) as connection:
        champion = models.champion_version(connection, night)
    assert champion is not None
    bundle = load_bundle(settings.models_directory, champion)
    week = (night, night + timedelta(days=7))
    with labelled_posts(settings, UNTIL, published=week) as later:
        posts = pl.concat(list(later.read()))
    judged = judge_posts(
        posts, later.outcomes, bundle.recipe.features.priors, bundle.predict(posts), None
    )
    summary = summarise_judged(judged, settings.training)
    return summary.filter(activity="all")["gain_over_owner"].item(), decision


@pytest.mark.slow
def test_every_champion_of_the_first_weeks_beats_the_owner_rate(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_task, "emit_event", lambda **_event: None)
    gains = {}
    for days in NIGHTS:
        gains[days], decision = gain_of_champion(settings, FIRST_PULL + timedelta(days=days))
        print(days, round(100 * gains[days], 2), decision)  # noqa: T201
    assert min(gains.values()) > 0, gains
