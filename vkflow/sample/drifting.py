"""Habits and levels that drift together: what time does looks as if the habit did it.

In such a world posts with emoji, say, become more while all rates fall, and faster on some walls
than on others. Advice that does not adjust for time would blame the emoji.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from vkflow.sample.settings import WorldSettings, random_stream
from vkflow.sample.texts.voice import Voice

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LEVEL: Final = -0.4
"""What the logits of all activities change by from the middle of the world to its last day."""
HABIT: Final = 1.2
"""What the logits of habits change by meanwhile."""
SPREAD: Final = 0.5
"""Standard deviation over walls of how fast they go, 1 on average."""
HABITS: Final = ("emoji", "asks", "shouts", "hashtags", "links")


def drift_of_posts(settings: WorldSettings, owner: Integers) -> Floats:
    """How far each post's wall has gone, about -1 at the world's start and 1 at its end.

    Args:
        settings: of the world.
        owner: the place of each post's community, shape (n,), in order of publication.

    Returns:
        float64, shape (n,); zeros in a world that does not drift.
    """
    if not settings.drifting:
        return np.zeros(len(owner))
    speed = random_stream(settings.seed, "habits").normal(1.0, SPREAD, settings.n_owners)
    return np.asarray(np.linspace(-1, 1, len(owner)) * speed[owner])


def drifted(voice: Voice, drift: float) -> Voice:
    """A voice whose habits have grown so far."""
    if drift == 0:
        return voice
    habits = np.array([getattr(voice, habit) for habit in HABITS])
    odds = habits / (1 - habits) * np.exp(HABIT * drift)
    return replace(voice, **dict(zip(HABITS, (odds / (1 + odds)).tolist(), strict=True)))
