"""What a sample world is drawn from: its arguments, and the random streams of its parts."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from vkflow.errors import SettingsError

GENERATOR_VERSION: Final = 2
"""Rises whenever the same arguments would give another world, so that old files are redrawn."""

MOSCOW: Final = "Europe/Moscow"
"""Authors and readers live by this clock: hours and weekdays of the sample world are its."""

TRUTH_FOLDER: Final = "truth"
"""Where a sample keeps what only the judge of predictions may read."""

STREAMS: Final = (
    "communities",
    "posts",
    "texts",
    "pictures",
    "owners",
    "noise",
    "counts",
    "growth",
    "drift",
    "viral",
    "habits",
)


@dataclass(frozen=True)
class WorldSettings:
    """The arguments of a world; equal arguments give equal worlds on every machine.

    Attributes:
        n_posts: posts to draw.
        seed: start of all random streams, at least 0.
        until: end of the world (exclusive), a time with a zone; nothing is observed after it.
        days: posts are published in the ``days`` days before ``until``.
        n_owners: communities that publish.
        null: plant no effects at all, so that nothing can be learned.
        lifelike: levels and tastes drift, walls have their own, views cost rates, posts go viral.
        drifting: habits of writing grow while all rates fall.

    Raises:
        SettingsError: a number is out of range, or ``until`` has no time zone.
    """

    n_posts: int
    seed: int
    until: datetime
    days: int
    n_owners: int
    null: bool
    lifelike: bool = False
    drifting: bool = False

    def __post_init__(self) -> None:
        for name, lowest in (("n_posts", 1), ("seed", 0), ("days", 1), ("n_owners", 1)):
            value = getattr(self, name)
            if value < lowest:
                raise SettingsError(f"Sample world: {name} = {value}; use {lowest} or more.")
        if self.until.tzinfo is None:
            raise SettingsError(
                f"Sample world: until = {self.until} has no time zone; give one, such as UTC."
            )
        object.__setattr__(self, "until", self.until.astimezone(UTC))

    @property
    def since(self) -> datetime:
        """The earliest time of publication, UTC."""
        return self.until - timedelta(days=self.days)

    def as_json(self) -> dict[str, str | int | bool]:
        """The arguments and the generator's version, as ``world.json`` keeps them."""
        return {**asdict(self), "until": self.until.isoformat(), "generator": GENERATOR_VERSION}


def random_stream(seed: int, name: str) -> np.random.Generator:
    """The generator of one part of the world.

    Parts have streams of their own so that a change in one part, such as the texts, leaves the
    others as they were.
    """
    key = (STREAMS.index(name),)
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
