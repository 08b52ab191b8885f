"""What real walls do and the plain world does not: drift, owners' tastes, views that cost rates.

Nothing is tuned on this world: it tells whether what was learnt on the plain one holds.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.sample.effects import Effects
from vkflow.sample.settings import WorldSettings, random_stream

Floats = npt.NDArray[np.float64]

_LEVEL_DRIFT: Final = 0.5
"""By how much the logits of all activities rise from the first day to the last, as likes did on
real walls in eight years."""
_TASTE_DRIFT: Final = 0.6
"""Within what share a topic's effects may have grown or shrunk at the ends of the world."""
_OWN_TASTE: Final = 0.35
"""Standard deviation of what a topic does on one wall, beside what it does on all."""


@dataclass(frozen=True)
class Audience:
    """How views and conversions of a post hang together.

    Attributes:
        elasticity: change of the logit with one unit of log views above the owner's usual.
        viral_share: posts that go viral, which nobody can tell in advance.
        viral_views: what that multiplies their views by.
        viral_reposts: what it adds to the logit of their reposts.
    """

    elasticity: float = 0.0
    viral_share: float = 0.0
    viral_views: float = 1.0
    viral_reposts: float = 0.0


PLAIN: Final = Audience()
LIFELIKE: Final = Audience(-0.3, 0.01, 8.0, 1.5)


def lifelike_logits(settings: WorldSettings, observables: pl.DataFrame, effects: Effects) -> Floats:
    """What time and the walls' own tastes add to the planted logits, shape (n, 8).

    Args:
        settings: of the world.
        observables: as ``observe`` returns them, n rows, in order of publication.
        effects: as planted; drifts are shares of the topics' effects.
    """
    generator = random_stream(settings.seed, "drift")
    n_posts, n_activities = len(observables), len(ACTIVITY_NAMES)
    # From -1 to 1: the place in the order of publication, which is even enough.
    time = np.linspace(-1, 1, n_posts)[:, np.newaxis]
    added = np.repeat(_LEVEL_DRIFT / 2 * time, n_activities, axis=1)
    for topic, planted in effects.planted["topic"].items():
        has_topic = (observables["topic"] == topic).fill_null(False).to_numpy()[:, np.newaxis]
        added += has_topic * time * generator.uniform(-_TASTE_DRIFT, _TASTE_DRIFT) * planted
        for owner in effects.planted["owner"]:
            own = generator.normal(0, _OWN_TASTE, n_activities)
            is_owner = (observables["owner"] == owner).to_numpy()[:, np.newaxis]
            added += has_topic * is_owner * own
    return np.asarray(added, dtype=np.float64)
