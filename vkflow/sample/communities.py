"""The communities that publish: their size, their topics, their voice, how often they post."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vkflow.sample.settings import WorldSettings, random_stream
from vkflow.sample.texts.grammar import TOPICS
from vkflow.sample.texts.voice import Voice, draw_voice

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

SIZE_SPREAD = 0.75
"""Standard deviation over communities of the log of the views that a post gets."""


@dataclass(frozen=True)
class Communities:
    """Communities, in order of no meaning.

    Attributes:
        owner_id: int64 (n,), negative as on VK, all different.
        size: (n,) log of a community's typical views, less its mean over all communities.
        activity: (n,) share of all posts, sums to 1.
        topics: (n, 12) share of each of ``TOPICS`` in a community's posts, rows sum to 1.
        voices: n habits of writing.
    """

    owner_id: Integers
    size: Floats
    activity: Floats
    topics: Floats
    voices: tuple[Voice, ...]


def draw_communities(settings: WorldSettings) -> Communities:
    """The communities of a world."""
    generator = random_stream(settings.seed, "communities")
    n_owners = settings.n_owners
    activity = generator.lognormal(0.0, 0.6, n_owners)
    return Communities(
        owner_id=_owner_ids(generator, n_owners),
        size=generator.normal(0.0, SIZE_SPREAD, n_owners),
        activity=activity / activity.sum(),
        topics=_topic_shares(generator, n_owners),
        voices=tuple(draw_voice(generator) for _ in range(n_owners)),
    )


def _owner_ids(generator: np.random.Generator, n_owners: int) -> Integers:
    """Different ids: ascending gaps, so that no two can meet, then shuffled."""
    gaps = generator.integers(1_000, 1 + max(1_001, 200_000_000 // n_owners), n_owners)
    ids: Integers = -(20_000_000 + np.cumsum(gaps))
    generator.shuffle(ids)
    return ids


def _topic_shares(generator: np.random.Generator, n_owners: int) -> Floats:
    """One to three topics a community, in turn so that each topic has communities, unequal."""
    shares = np.zeros((n_owners, len(TOPICS)))
    firsts = generator.permutation(len(TOPICS))
    for owner in range(n_owners):
        first = firsts[owner % len(TOPICS)]
        others = np.delete(np.arange(len(TOPICS)), first)
        n_others = generator.choice(3, p=[0.15, 0.35, 0.5])
        shares[owner, first] = 1.0
        shares[owner, generator.choice(others, n_others, replace=False)] = generator.uniform(
            0.2, 0.9, n_others
        )
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), dtype=np.float64)
