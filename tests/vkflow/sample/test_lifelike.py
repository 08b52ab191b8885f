"""The lifelike world: what it plants can be found in its counts, and its oracle is the best."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from vkflow.sample.lifelike import LIFELIKE
from vkflow.sample.settings import random_stream
from vkflow.sample.world import World, draw_world

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
KEY = ["owner_id", "post_id"]


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(20_000, until=UNTIL, lifelike=True)


@pytest.fixture(scope="module")
def final(world: World) -> pl.DataFrame:
    """Counts at the age of 30 days, beside the conversion of likes the oracle expects."""
    seen = world.snapshots.join(world.posts.select(*KEY, "published_at"), on=KEY)
    age = pl.col("observed_at") - pl.col("published_at")
    oracle = world.oracle.filter(activity="like").select(*KEY, "oracle")
    return seen.filter(age >= pl.duration(days=30)).join(oracle, on=KEY).sort("published_at")


def test_levels_rise_over_time(final: pl.DataFrame) -> None:
    first, last = (part["likes"].sum() / part["views"].sum() for part in halves(final))
    assert 1.1 < last / first < 1.5


def halves(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    middle = len(frame) // 2
    return frame[:middle], frame[middle:]


def test_posts_with_many_views_for_their_owner_have_lower_rates(final: pl.DataFrame) -> None:
    log_views = pl.col("views").log()
    known = final.filter(pl.col("likes") > 0).with_columns(
        more=log_views - log_views.mean().over("owner_id"),
        beyond=(pl.col("likes") / pl.col("views") / pl.col("oracle")).log(),
    )
    slope = np.polyfit(known["more"].to_numpy(), known["beyond"].to_numpy(), 1)[0]
    assert -0.42 < slope < -0.25


def test_few_posts_go_viral_and_are_reposted_for_it(world: World, final: pl.DataFrame) -> None:
    drawn = random_stream(world.settings.seed, "viral").random(len(world.posts))
    is_viral = pl.Series("is_viral", drawn < LIFELIKE.viral_share)
    told = final.join(world.posts.select(KEY).with_columns(is_viral), on=KEY)
    viral, usual = told.filter("is_viral"), told.filter(~pl.col("is_viral"))
    assert 0.005 < len(viral) / len(told) < 0.015
    assert viral["views"].median() > 5 * usual["views"].median()
    rates = [part["reposts"].sum() / part["views"].sum() for part in (usual, viral)]
    assert rates[1] > 1.5 * rates[0]


def test_oracle_expects_what_comes_per_view(final: pl.DataFrame) -> None:
    """Not what comes per post, which is more where views cost rates."""
    predicted = (final["oracle"] * final["views"]).sum()
    assert predicted / final["likes"].sum() == pytest.approx(1, abs=0.04)
    per_post = (final["likes"] / final["views"] / final["oracle"]).mean()
    assert per_post > 1.15


def test_no_other_level_is_better_than_the_oracles(final: pl.DataFrame) -> None:
    k, n, p = (final[name].to_numpy() for name in ("likes", "views", "oracle"))

    def loss(q: np.ndarray) -> float:
        return float(-(k * np.log(q) + (n - k) * np.log(1 - q)).sum() / n.sum())

    assert loss(p) < min(loss(p * 0.93), loss(p * 1.07))


def test_the_plain_world_has_none_of_it() -> None:
    plain = draw_world(300, until=UNTIL)
    assert plain.settings.lifelike is False
    assert plain.oracle.equals(draw_world(300, until=UNTIL, lifelike=False).oracle)
    assert not plain.oracle.equals(draw_world(300, until=UNTIL, lifelike=True).oracle)
