"""The sample world: posts, their counts over time, and the truth behind them."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from vkflow.sample.communities import draw_communities
from vkflow.sample.drifting import LEVEL, drift_of_posts
from vkflow.sample.effects import logits, plant_effects
from vkflow.sample.engagement import draw_engagement, oracle_frame
from vkflow.sample.growth import draw_snapshots
from vkflow.sample.lifelike import LIFELIKE, PLAIN, lifelike_logits
from vkflow.sample.observables import observe
from vkflow.sample.posts import draw_posts
from vkflow.sample.settings import WorldSettings


@dataclass(frozen=True)
class World:
    """A drawn world.

    Attributes:
        settings: the arguments it was drawn from.
        posts: owner_id, post_id Int64, published_at Datetime("us", "UTC"), text String, is_ad
            Boolean, and what only the truth may tell: topic String, picture_category String or
            null, picture_seed Int64 or null. In order of publication.
        snapshots: owner_id, post_id, observed_at Datetime("us", "UTC"), views, reach (null),
            and a count for each activity, all Int64.
        observables: what the oracle sees of each post; see ``vkflow.sample.observables``.
        effects: activity, kind, level, effect (logit scale); see ``Effects.as_frame``.
        oracle: owner_id, post_id, activity, oracle, realized (conversions, Float64).
    """

    settings: WorldSettings
    posts: pl.DataFrame
    snapshots: pl.DataFrame
    observables: pl.DataFrame
    effects: pl.DataFrame
    oracle: pl.DataFrame


def draw_world(
    n_posts: int = 3000,
    *,
    until: datetime,
    seed: int = 0,
    days: int = 120,
    n_owners: int = 60,
    null: bool = False,
    lifelike: bool = False,
    drifting: bool = False,
) -> World:
    """Draws a world: the same arguments give the same world, in any process.

    Args:
        n_posts: posts to draw.
        until: the world's end, a time with a zone; no post and no snapshot is later.
        seed: start of all random numbers.
        days: posts are published in [until - days, until).
        n_owners: communities.
        null: plant no effects: conversions differ by noise alone.
        lifelike: levels and tastes drift, walls have their own, views cost rates, posts go viral.
        drifting: habits of writing grow while all rates fall.

    Raises:
        SettingsError: an argument is out of range.
    """
    settings = WorldSettings(n_posts, seed, until, days, n_owners, null, lifelike, drifting)
    communities = draw_communities(settings)
    posts = draw_posts(settings, communities)
    effects = plant_effects(settings, communities)
    observables = observe(posts)
    places = {owner: place for place, owner in enumerate(communities.owner_id.tolist())}
    owner = np.array([places[owner_id] for owner_id in posts["owner_id"]])
    planted, audience = logits(observables, effects), PLAIN
    planted = planted + LEVEL * drift_of_posts(settings, owner)[:, np.newaxis]
    if lifelike:
        planted, audience = planted + lifelike_logits(settings, observables, effects), LIFELIKE
    engagement = draw_engagement(settings, planted, effects, communities.size[owner], audience)
    return World(
        settings=settings,
        posts=posts,
        snapshots=draw_snapshots(settings, posts, engagement),
        observables=observables,
        effects=effects.as_frame(),
        oracle=oracle_frame(posts, engagement),
    )
