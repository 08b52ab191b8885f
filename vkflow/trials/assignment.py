"""Which arm the next post of a trial belongs to."""

from dataclasses import dataclass
from datetime import date, datetime

from vkflow.trials.levers import Choice


@dataclass(frozen=True)
class Assignment:
    """What a trial asks of a post.

    Attributes:
        trial_id: which trial.
        owner_id: on whose wall.
        choice: the lever and its level.
        number: of the unit, from 1.
        n_units: of the trial.
        arm: ``with`` or ``without`` the level.
        day: where units are days, by the owner's clock; else ``None``.
        time_zone: of the owner.
        last_post_at: when the newest post appeared that is counted, UTC; ``None`` without one.
        is_followed: whether a draft does as it is asked; ``None`` where there is no draft.
    """

    trial_id: int
    owner_id: int
    choice: Choice
    number: int
    n_units: int
    arm: str
    day: date | None
    time_zone: str
    last_post_at: datetime | None
    is_followed: bool | None = None
