"""Sample worlds as the estimates of advice see them, and what is true in them.

No pipeline and no pictures: posts carry the categories that were drawn, and texts are encoded by
hashed words, so that a world takes seconds. Only tests may know the truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from tests.fakes.hashed_words import HashedWords
from vkflow.activities import ACTIVITIES, ACTIVITY_NAMES
from vkflow.insights.advice import MIN_POSTS, advise
from vkflow.insights.confounders import RARE, StudiedPosts, study_posts
from vkflow.insights.levers import HOURS, Lever
from vkflow.insights.overlap import fold_of_posts, propensities
from vkflow.insights.responses import outcomes_of
from vkflow.modelling.metrics import Floats
from vkflow.modelling.weights import effective_sample_sizes
from vkflow.sample.communities import draw_communities
from vkflow.sample.effects import Effects, logits, plant_effects
from vkflow.sample.engagement import expected_conversion
from vkflow.sample.observables import INTERACTIONS
from vkflow.sample.posts import _HOURLY as POSTS_BY_HOUR
from vkflow.sample.posts import picture_shares
from vkflow.sample.settings import MOSCOW
from vkflow.sample.texts.grammar import TOPICS
from vkflow.sample.world import draw_world
from vkflow.text.cleaning import clean_for_encoder
from vkflow.text.statistics import text_statistics
from vkflow.threads import one_thread

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
KEYS = ["owner_id", "post_id"]
FLAGS = {
    "emoji": "emoji",
    "question": "question",
    "capitals": "shouting",
    "hashtags": "hashtag",
    "links": "link",
}
"""What the world calls the levers that are flags."""


@dataclass(frozen=True)
class AdvisedWorld:
    """A world after its advice.

    Attributes:
        advice: as ``advise`` returns it.
        studied: what it was made from.
        labels: views and counts of the studied posts, in their order.
        posts: topic and all of them, in their order.
        observables: what the planted effects hang on, in their order.
        effects: what was planted.
    """

    advice: pl.DataFrame
    studied: StudiedPosts
    labels: pl.DataFrame
    posts: pl.DataFrame
    observables: pl.DataFrame
    effects: Effects

    def with_truth(self) -> pl.DataFrame:
        """Advice over all owners with the true effect of each row, ``truth``."""
        folds = fold_of_posts(len(self.studied.owner), 0)
        with one_thread():  # as `advise` does
            rows = [
                row for lever in self.studied.levers.values() for row in self._truths(lever, folds)
            ]
        truth = pl.DataFrame(rows, ["lever", "level", "activity", "truth"], orient="row")
        overall = self.advice.filter(pl.col("owner_id").is_null(), pl.col("effect").is_not_null())
        return overall.join(truth, on=["lever", "level", "activity"])

    def _truths(self, lever: Lever, folds: np.ndarray) -> list[tuple[str, str, str, float]]:
        """The true change among the posts the advice speaks of: those where both were likely."""
        if RARE in lever.levels:
            return []
        rows = np.flatnonzero(lever.codes >= 0)
        likely = propensities(self.studied, lever, folds)[rows]
        rates = np.stack([self._rates(lever.name, level, rows) for level in lever.levels], axis=1)
        found = []
        for place, activity in enumerate(ACTIVITIES):
            outcome = outcomes_of(
                self.labels[activity.count_column].cast(pl.Float64).to_numpy(),
                self.labels["views"].cast(pl.Float64).to_numpy(),
            ).of(rows)
            having = rates[:, :, place]
            usual = (likely * having).sum(axis=1, keepdims=True)
            without = (usual - likely * having) / (1 - likely)
            correlation = outcome.correlation * usual / outcome.mean
            views = effective_sample_sizes(outcome.exposures[:, None], correlation)
            overlap = likely * (1 - likely)
            weights = views * overlap
            ratio = np.log((weights * having).sum(axis=0) / (weights * without).sum(axis=0))
            truths = np.expm1(ratio)
            found += [
                (lever.name, level, activity.name, float(true))
                for level, true in zip(lever.levels, truths, strict=True)
            ]
        return found

    def _rates(self, lever: str, level: str, rows: np.ndarray) -> Floats:
        """True conversion of posts at a level, (rows, activities)."""
        seen = self.observables[rows]
        if lever == "hour":
            start, end = int(level.split("-")[0]), HOURS[level]
            shares = POSTS_BY_HOUR[start:end] / POSTS_BY_HOUR[start:end].sum()
            return sum(
                share * self._conversion(seen.with_columns(hour=pl.lit(str(hour))))
                for hour, share in zip(range(start, end), shares, strict=True)
            )
        if lever == "has_picture" and level == "yes":
            categories, shares = picture_shares()
            of_topic = shares[[TOPICS.index(topic) for topic in self.posts["topic"][rows]]]
            return sum(
                of_topic[:, [place]] * self._conversion(seen.with_columns(picture=pl.lit(name)))
                for place, name in enumerate(categories)
            )
        if lever == "text_length":
            return self._rates_of_length(level, seen)
        changes = {
            "has_picture": {"picture": "none"},
            "picture_category": {"picture": level},
            "weekday": {"weekday": level},
        }
        changed = changes.get(lever) or {FLAGS[lever]: level == "yes"}
        return self._conversion(seen.with_columns(pl.lit(v).alias(n) for n, v in changed.items()))

    def _rates_of_length(self, level: str, seen: pl.DataFrame) -> Floats:
        """The world counts words and characters a little differently from the levers.

        So some posts of a level are not what the world calls it: it means the mix it consists of.
        """
        of_level = self.observables.filter(self.studied.seen["text_length"] == level)
        mix = of_level.group_by("few_words", "long").len().to_dicts()
        return sum(
            kind["len"]
            / len(of_level)
            * self._conversion(
                seen.with_columns(few_words=pl.lit(kind["few_words"]), long=pl.lit(kind["long"]))
            )
            for kind in mix
        )

    def _conversion(self, seen: pl.DataFrame) -> Floats:
        mixed = seen.with_columns(
            holds.fill_null(False).alias(name) for name, holds in INTERACTIONS.items()
        )
        return expected_conversion(logits(mixed, self.effects), self.effects.noise)


def advised_world(
    seed: int,
    *,
    n_posts: int = 3_000,
    n_owners: int = 60,
    null: bool = False,
    drifting: bool = False,
) -> AdvisedWorld:
    """Draw a world, label its mature posts, and give advice on it."""
    world = draw_world(
        n_posts, until=UNTIL, seed=seed, n_owners=n_owners, null=null, drifting=drifting
    )
    published = world.posts.select(*KEYS, "published_at")
    labels = (
        world.snapshots.join(published, on=KEYS)
        .filter(pl.col("observed_at") >= pl.col("published_at") + pl.duration(hours=72))
        .sort("observed_at")
        .unique(KEYS, keep="last")
    )
    posts = world.posts.join(labels, on=KEYS, how="semi", maintain_order="left")
    labels = posts.select(KEYS).join(labels, on=KEYS, maintain_order="left")
    observables = world.observables.join(labels, on=KEYS, how="semi", maintain_order="left")
    rows = feature_rows(posts)
    studied = study_posts(lambda: [rows], MOSCOW, {}, min_posts=MIN_POSTS)
    advice = advise(studied, outcome_rows(labels), seed=0)
    effects = plant_effects(world.settings, draw_communities(world.settings))
    return AdvisedWorld(advice, studied, labels, posts, observables, effects)


def feature_rows(posts: pl.DataFrame) -> pl.DataFrame:
    """What the warehouse would give of a world's posts."""
    seen = posts.select(
        *KEYS,
        "published_at",
        "is_ad",
        image_category="picture_category",
        has_image=pl.col("picture_category").is_not_null(),
        text_embedding=pl.when(posts["text"] != "").then(hashed_words(posts["text"])),
    )
    return pl.concat([seen, text_statistics(posts["text"]).drop("version")], how="horizontal")


def hashed_words(texts: pl.Series) -> pl.Series:
    """A bag of hashed words, in 384 dimensions, as many as the default encoder has."""
    vectors = HashedWords(384).encode(clean_for_encoder(texts).to_list()).vectors
    return pl.Series(vectors).arr.to_list()


def outcome_rows(labels: pl.DataFrame) -> pl.DataFrame:
    """Labels as the view ``outcomes`` has them."""
    columns: Sequence[str] = [activity.count_column for activity in ACTIVITIES]
    long = labels.select(*KEYS, "views", *columns).unpivot(
        columns, index=[*KEYS, "views"], variable_name="activity", value_name="count"
    )
    names = dict(zip(columns, ACTIVITY_NAMES, strict=True))
    return long.select(*KEYS, pl.col("activity").replace_strict(names), "count", exposures="views")
