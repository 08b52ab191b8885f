"""The truth of the sample world: the oracle, and the effects it follows from."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from vkflow.activities import ACTIVITIES, ACTIVITY_NAMES
from vkflow.sample.effects import ONE_OF
from vkflow.sample.engagement import expected_conversion, sigmoid
from vkflow.sample.observables import INTERACTIONS, TEXT_STYLES
from vkflow.sample.world import World, draw_world

UNTIL = datetime(2026, 6, 1, tzinfo=UTC)
KEY = ["owner_id", "post_id"]


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(10_000, until=UNTIL)


@pytest.fixture(scope="module")
def labels(world: World) -> pl.DataFrame:
    """The latest snapshot of each post older than three days, with its oracle."""
    published = world.posts.select(*KEY, "published_at")
    mature = pl.col("observed_at") - pl.col("published_at") >= pl.duration(hours=72)
    latest = world.snapshots.join(published, on=KEY).filter(mature).sort("observed_at")
    oracle = world.oracle.pivot("activity", index=KEY, values="oracle")
    return latest.group_by(KEY, maintain_order=True).last().join(oracle, on=KEY)


def log_loss(probability: np.ndarray, count: np.ndarray, views: np.ndarray) -> float:
    loss = count * np.log(probability) + (views - count) * np.log1p(-probability)
    return float(-loss.sum() / views.sum())


@pytest.mark.parametrize("activity", ACTIVITIES, ids=ACTIVITY_NAMES)
def test_the_oracle_is_calibrated(labels: pl.DataFrame, activity):
    views = labels["views"].to_numpy()
    expected = (labels[activity.name].to_numpy() * views).sum()
    assert labels[activity.count_column].sum() == pytest.approx(expected, rel=0.08)


@pytest.mark.parametrize("activity", ACTIVITIES, ids=ACTIVITY_NAMES)
def test_the_oracle_beats_the_owner_rate_and_that_beats_the_global_rate(
    labels: pl.DataFrame, activity
):
    both = labels.select("owner_id", "views", count=activity.count_column, oracle=activity.name)
    counts, views = both["count"].to_numpy(), both["views"].to_numpy()
    overall = counts.sum() / views.sum()
    totals = both.select(pl.col("count", "views").sum().over("owner_id"))
    smoothing = 20_000
    owner_rate = (totals["count"] + smoothing * overall) / (totals["views"] + smoothing)
    everyone = log_loss(np.full(len(both), overall), counts, views)
    owner = log_loss(owner_rate.to_numpy(), counts, views)
    oracle = log_loss(both["oracle"].to_numpy(), counts, views)
    assert owner < everyone * 0.997
    assert oracle < owner * 0.99


def test_the_oracle_follows_from_the_observables_and_the_reported_effects(world: World):
    """Anybody with effects.parquet and the observables can compute it again."""
    seen = world.observables.join(world.posts.select(KEY), on=KEY, maintain_order="right")
    for activity in ACTIVITY_NAMES:
        effects = world.effects.filter(activity=activity)
        by_kind = {
            kind: dict(effects.filter(kind=kind).select("level", "effect").iter_rows())
            for kind in effects["kind"].unique()
        }
        logit = np.full(len(seen), by_kind["base"]["all"])
        for kind in ONE_OF:
            logit += np.array([by_kind[kind].get(level, 0.0) for level in seen[kind]])
        for kind, flags in (("text", TEXT_STYLES), ("interaction", INTERACTIONS)):
            for flag in flags:
                logit += by_kind[kind][flag] * seen[flag].to_numpy()
        noise = np.array([by_kind["noise"]["all"]])
        oracle = expected_conversion(logit[:, np.newaxis], noise)[:, 0]
        np.testing.assert_allclose(world.oracle.filter(activity=activity)["oracle"], oracle)


def test_quadrature_agrees_with_a_large_sample():
    noise = np.array([0.8])
    sample = sigmoid(-4.0 + noise * np.random.default_rng(0).standard_normal(1_000_000))
    expected = expected_conversion(np.array([[-4.0]]), noise)
    assert expected.item() == pytest.approx(sample.mean(), rel=0.005)


def test_main_effects_have_sizes_worth_finding(world: World):
    effects = world.effects.filter(pl.col("kind").is_in(["topic", "picture", "text"]))
    size = effects["effect"].abs()
    planted = effects.filter(size >= 0.2)
    assert len(planted) > 0.4 * len(effects)
    assert (size <= 1.0).mean() > 0.97


def test_a_picture_is_needed_to_open_one(world: World):
    bare = world.observables.filter(picture="none").select(KEY)
    opened = world.oracle.filter(activity="open_photo").join(bare, on=KEY)
    assert opened["oracle"].max() < 0.01
    assert opened["oracle"].mean() < 0.002


def test_a_null_world_has_one_oracle_for_each_activity():
    null = draw_world(500, until=UNTIL, null=True)
    per_activity = null.oracle.group_by("activity").agg(
        oracle=pl.col("oracle").n_unique(), realized=pl.col("realized").n_unique()
    )
    assert (per_activity["oracle"] == 1).all()
    assert (per_activity["realized"] == 500).all()
    planted = null.effects.filter(~pl.col("kind").is_in(["base", "noise"]))
    assert (planted["effect"] == 0).all()


def test_views_differ_between_owners_in_a_null_world_too():
    null = draw_world(2_000, until=UNTIL, null=True)
    medians = null.snapshots.group_by("owner_id").agg(pl.col("views").log().median())["views"]
    assert medians.std() > 0.4
