"""What a draft is, and what no draft can be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from vkflow.errors import DraftError
from vkflow.images.decoding import decode_picture
from vkflow.translation import English, Message

CLOCK_SKEW = timedelta(minutes=5)
"""A form takes some time to fill in: its moment may lie behind the clock by so much."""
LONGEST_AHEAD = timedelta(days=366)
NO_TEXT = re.compile("[\ud800-\udfff]")
SEEN_SIDE = 64
"""Pixels a picture is decoded to, to see whether it can be."""
MAX_DRAFTS = 1_000
"""At once: more are no drafts but a data set."""


@dataclass(frozen=True)
class Draft:
    """A post before it is published.

    Attributes:
        name: what it is called beside others.
        owner_id: on whose wall it would appear; negative for a community.
        at: when it would be published, UTC.
        text: as the author wrote it; empty without one.
        picture: the bytes of a picture file; ``None`` without one.
        is_ad: whether it would be marked as an advert; ``None``: as unknown as of the posts.
    """

    name: str
    owner_id: int
    at: datetime
    text: str = ""
    picture: bytes | None = None
    is_ad: bool | None = False


def check_draft(draft: Draft, *, now: datetime, max_characters: int) -> None:
    """Refuse what cannot be a post.

    Args:
        draft: as it came.
        now: the moment the forecast stands at, UTC.
        max_characters: of a text; posts with longer ones are quarantined.

    Raises:
        DraftError: says in one sentence what is wrong with which draft.
    """
    problem = _problem(draft, now, max_characters)
    if problem is not None:
        raise DraftError("of", name=name_of(draft.name), problem=problem)


def check_drafts(drafts: Sequence[Draft], *, now: datetime, max_characters: int) -> None:
    """Refuse drafts of which one cannot be a post, none at all, or more than ``MAX_DRAFTS``.

    Raises:
        DraftError: as :func:`check_draft`, for the first one.
    """
    if not drafts:
        raise DraftError("no_draft")
    if len(drafts) > MAX_DRAFTS:
        raise DraftError("many_drafts", n=len(drafts), most=MAX_DRAFTS)
    for draft in drafts:
        check_draft(draft, now=now, max_characters=max_characters)


def name_of(name: str) -> Message | str:
    """What a draft is called: "draft 1" has a translation, a name of others has none."""
    kind, _, number = name.partition(" ")
    if kind in ("draft", "row") and number:
        return Message("drafts", f"name_{kind}", {"number": number})
    return name


def _error(key: str, **values: object) -> Message:
    return Message("drafts", f"error_{key}", values)


def _problem(draft: Draft, now: datetime, max_characters: int) -> Message | None:
    if not draft.text.strip() and draft.picture is None:
        return _error("empty")
    return (
        _problem_of_text(draft.text, max_characters)
        or _problem_of_time(draft.at, now)
        or _problem_of_picture(draft.picture)
    )


def _problem_of_text(text: str, max_characters: int) -> Message | None:
    if len(text) > max_characters:
        return _error("long_text", n=len(text), most=max_characters)
    if "\0" in text:
        return _error("nul")
    return _error("half_characters") if NO_TEXT.search(text) else None


def _problem_of_time(at: datetime, now: datetime) -> Message | None:
    if at < now - CLOCK_SKEW:
        return _error("past", at=at, now=now)
    return _error("far_ahead", at=at) if at > now + LONGEST_AHEAD else None


def _problem_of_picture(picture: bytes | None) -> Message | None:
    if picture is None:
        return None
    error = decode_picture(picture, longest_side=SEEN_SIDE).error
    return None if error is None else _error("picture_unusable", problem=English(error))


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC.

    Raises:
        DraftError: it lies outside of the calendar.
    """
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise DraftError("no_moment", at=moment) from None
