"""Levers that can be drawn: what an author can do or leave on the day, seen in the post itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.errors import TrialError
from vkflow.insights.levers import HOURS, PRESUPPOSED, read_levers
from vkflow.printing import printable
from vkflow.text.statistics import text_statistics
from vkflow.translation import Message

YES: Final = "yes"
DRAWN_LEVELS: Final[Mapping[str, tuple[str, ...]]] = {
    "question": (YES,),
    "emoji": (YES,),
    "hashtags": (YES,),
    "links": (YES,),
    "capitals": (YES,),
    "has_picture": (YES,),
    "text_length": ("few_words", "short", "long"),
    "hour": tuple(HOURS),
}
"""Levers of the advice, less two: a weekday cannot be chosen on the day, and what a picture shows
is a guess of the tagger, not of the author."""
SHOWN_CHARACTERS: Final = 60


@dataclass(frozen=True)
class Choice:
    """A level of a lever: posts of one arm have it, those of the other do not."""

    lever: str
    level: str

    @property
    def name(self) -> str:
        """As a person writes it: ``question``, or ``hour=18-21``."""
        return self.lever if self.level == YES else f"{self.lever}={self.level}"


CHOICES: Final[Mapping[str, Choice]] = {
    choice.name: choice
    for choice in (
        Choice(lever, level) for lever, levels in DRAWN_LEVELS.items() for level in levels
    )
}


def read_choice(entry: str) -> Choice:
    """The lever and level a person means.

    Raises:
        TrialError: there is none of this name; it tells those there are.
    """
    found = CHOICES.get(entry.strip())
    if found is not None:
        return found
    shown, known = _shown(entry), ", ".join(CHOICES)
    for near in get_close_matches(entry[:SHOWN_CHARACTERS], CHOICES, n=1):
        raise TrialError("near_lever", entry=shown, near=near, levers=known)
    raise TrialError("no_lever", entry=shown, levers=known)


def _shown(entry: str) -> str | Message:
    return printable(entry[:SHOWN_CHARACTERS]) or Message("trials", "nothing")


def check_activity(choice: Choice, activity: str) -> None:
    """Refuse an activity that is none, or that cannot happen without the lever.

    Raises:
        TrialError: says which.
    """
    if activity not in ACTIVITY_NAMES:
        raise TrialError(
            "no_activity", entry=_shown(activity), activities=", ".join(ACTIVITY_NAMES)
        )
    if PRESUPPOSED.get(activity) == choice.lever:
        raise TrialError("presupposed", activity=activity, lever=choice.lever)


def has_level(posts: pl.DataFrame, choice: Choice, time_zone: str) -> pl.Series:
    """Whether posts of one owner have the level, by what they say and when they appeared.

    Args:
        posts: owner_id, published_at, text (as stored), has_image.
        choice: the lever and its level.
        time_zone: of the owner.

    Returns:
        Boolean, no nulls: a post to which the lever does not apply has no level of it.
    """
    counted = pl.concat(
        [posts, text_statistics(posts["text"]).drop("version")], how="horizontal"
    ).with_columns(pl.lit(None, pl.String).alias("image_category"))
    levels = read_levers(counted, time_zone, {})[choice.lever]
    return (levels == choice.level).fill_null(False).alias("has_it")
