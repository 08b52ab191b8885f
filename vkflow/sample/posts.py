"""Draws posts: who publishes when, on which topic, with which text and which picture."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import yaml

from vkflow.sample.communities import Communities
from vkflow.sample.drifting import drift_of_posts, drifted
from vkflow.sample.settings import MOSCOW, WorldSettings, random_stream
from vkflow.sample.texts.dice import Dice
from vkflow.sample.texts.grammar import TOPICS, read_grammar
from vkflow.sample.texts.write import write_post

Integers = npt.NDArray[np.int64]

_ADVERT: Final = TOPICS.index("adverts")
_NO_PICTURE: Final = 1 / 12
_COPIED: Final = 0.03
"""Share of posts that repeat an earlier one, text and picture, as reposts on VK do."""

# Posts published in each hour of the day, Moscow time: few at night, most in the evening.
_HOURLY: Final = np.array(
    [3, 1, 1, 1, 1, 2, 4, 7, 10, 12, 12, 12, 12, 11, 11, 11, 12, 13, 14, 15, 14, 12, 9, 6], float
)
_HOUR: Final = 3_600_000_000  # microseconds


def draw_posts(settings: WorldSettings, communities: Communities) -> pl.DataFrame:
    """The posts of a world in order of publication.

    Returns:
        n_posts rows: owner_id Int64, post_id Int64 (rising with time for each owner),
        published_at Datetime("us", "UTC"), text String, is_ad Boolean, topic String,
        picture_category String or null, picture_seed Int64 or null.
    """
    generator = random_stream(settings.seed, "posts")
    n_posts = settings.n_posts
    owner = generator.choice(settings.n_owners, n_posts, p=communities.activity)
    published = _publication_times(settings, generator)
    topic = _choose_rows(communities.topics[owner], generator)
    texts = _write_texts(settings, communities, owner, topic)
    posts = pl.DataFrame(
        {
            "owner_id": communities.owner_id[owner],
            "post_id": _post_ids(owner, generator),
            "published_at": pl.Series(published).cast(pl.Datetime("us", "UTC")),
            "text": texts,
            "is_ad": generator.random(n_posts) < np.where(topic == _ADVERT, 0.9, 0.02),
            "topic": np.array(TOPICS)[topic],
        },
    ).with_columns(**_draw_pictures(settings, topic, texts))
    return _repeat_some(posts, generator)


def _publication_times(settings: WorldSettings, generator: np.random.Generator) -> Integers:
    """Ascending microseconds since 1970, whole seconds as on VK, in [since, until)."""
    hours = pl.select(
        pl.datetime_range(
            settings.since, settings.until, "1h", closed="left", time_unit="us", time_zone="UTC"
        )
    ).to_series()
    weights = _HOURLY[hours.dt.convert_time_zone(MOSCOW).dt.hour().to_numpy()]
    starts = hours.dt.timestamp("us").to_numpy()
    chosen = generator.choice(len(starts), settings.n_posts, p=weights / weights.sum())
    seconds = generator.integers(0, 3_600, settings.n_posts)
    # A world that does not begin on a whole second ends on a fraction: step back to whole ones.
    times = (starts[chosen] + seconds * 1_000_000) // 1_000_000 * 1_000_000
    earliest = -(-int(starts[0]) // 1_000_000) * 1_000_000
    return np.sort(np.maximum(times, earliest))


def _choose_rows(weights: npt.NDArray[np.float64], generator: np.random.Generator) -> Integers:
    """One column a row, with the row's weights (which sum to 1)."""
    edges = np.cumsum(weights, axis=1)
    drawn = generator.random((len(weights), 1)) * edges[:, -1:]
    return np.asarray((drawn >= edges).sum(axis=1), dtype=np.int64)


def _post_ids(owner: Integers, generator: np.random.Generator) -> Integers:
    """Ids that rise by a few with each post of an owner: comments take ids of a wall too."""
    steps = pl.DataFrame({"owner": owner, "step": generator.integers(1, 30, len(owner))})
    ids = steps.select(1_000 + pl.col("step").cum_sum().over("owner")).to_series()
    return np.asarray(ids.to_numpy(), dtype=np.int64)


def _write_texts(
    settings: WorldSettings, communities: Communities, owner: Integers, topic: Integers
) -> list[str]:
    dice = Dice(random_stream(settings.seed, "texts"))
    grammars = [read_grammar(name) for name in TOPICS]
    drift = drift_of_posts(settings, owner)
    return [
        write_post(grammars[subject], drifted(communities.voices[writer], gone), dice)
        for writer, subject, gone in zip(
            owner.tolist(), topic.tolist(), drift.tolist(), strict=True
        )
    ]


def _draw_pictures(
    settings: WorldSettings, topic: Integers, texts: Sequence[str]
) -> dict[str, pl.Series]:
    """Categories and seeds; a post without a text always has a picture."""
    generator = random_stream(settings.seed, "pictures")
    categories, shares = picture_shares()
    chosen = _choose_rows(shares[topic], generator)
    seeds = generator.integers(0, 2**31, len(texts))
    written = np.array([bool(text) for text in texts])
    chance = _NO_PICTURE / max(written.mean(), _NO_PICTURE)
    bare = pl.Series(written & (generator.random(len(texts)) < chance))
    named = pl.Series(np.array(categories)[chosen])
    return {
        "picture_category": pl.select(pl.when(~bare).then(named)).to_series(),
        "picture_seed": pl.select(pl.when(~bare).then(pl.Series(seeds))).to_series(),
    }


def picture_shares() -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """Picture categories, and how often each comes with each topic.

    Returns:
        The names of the categories, and (12, categories) shares; the rows sum to 1.
    """
    table: dict[str, Any] = yaml.safe_load(
        (files("vkflow.sample") / "pictures.yaml").read_text(encoding="utf-8")
    )
    categories = tuple(table["categories"])
    shares = np.full((len(TOPICS), len(categories)), table["background"] / len(categories))
    for row, topic in enumerate(TOPICS):
        total = sum(table["topics"][topic].values())
        for category, weight in table["topics"][topic].items():
            share = (1 - table["background"]) * weight / total
            shares[row, categories.index(category)] += share
    return categories, shares


def _repeat_some(posts: pl.DataFrame, generator: np.random.Generator) -> pl.DataFrame:
    """Lets a few posts repeat the text and the picture of an earlier post on their topic."""
    source = np.arange(len(posts))
    repeats = generator.random(len(posts)) < _COPIED
    seen: dict[str, list[int]] = {topic: [] for topic in TOPICS}
    for row, (topic, text) in enumerate(posts.select("topic", "text").iter_rows()):
        earlier = seen[topic]
        if repeats[row] and earlier and text:
            source[row] = earlier[int(generator.random() * len(earlier))]
        elif text:
            earlier.append(row)
    copied = posts.select("text", "picture_category", "picture_seed")[source]
    return posts.with_columns(copied)
