"""Published posts a draft resembles, and how they are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from vkflow.drafts.nearest import Compared
from vkflow.drafts.tables import Table, start_of
from vkflow.insights.report.language import Language
from vkflow.text.cleaning import clean_for_encoder

SHOWN_ACTIVITIES = ("like", "comment", "repost", "hide")


@dataclass(frozen=True)
class SimilarPost:
    """One of the published posts with the nearest texts, pictures, or both.

    Attributes:
        owner_id: whose wall it is on.
        owner_name: what that is called; ``None`` if unknown.
        post_id: its number there.
        published_at: when it appeared, UTC; ``None`` if unknown.
        text: what it said when it was first seen.
        is_own: it is on the wall the draft is for.
        rates: what it got at 30 days, by activity; those that are known.
        text_cosine: of both texts' vectors, -1 to 1; 1: the same direction; ``None``: it was
            found by the picture alone.
        picture_cosine: likewise of both pictures.
        picture: JPEG, where it has one that is stored.
    """

    owner_id: int
    owner_name: str | None
    post_id: int
    published_at: datetime | None
    text: str
    is_own: bool
    rates: Mapping[str, float]
    text_cosine: float | None = None
    picture_cosine: float | None = None
    picture: bytes | None = None

    @property
    def cosines(self) -> list[float]:
        """Of what was compared: text, picture."""
        return [each for each in (self.text_cosine, self.picture_cosine) if each is not None]


def compared_in(posts: Sequence[SimilarPost]) -> Compared:
    """By what posts that one draft resembles were found; at least one."""
    if len(posts[0].cosines) > 1:
        return "both"
    return "picture" if posts[0].text_cosine is None else "text"


def similar_table(posts: Sequence[SimilarPost], zone: ZoneInfo, say: Language) -> Table:
    """One row a post, the nearest first; none: no row."""
    activities = (say.activity(name) for name in SHOWN_ACTIVITIES)
    is_both = posts and compared_in(posts) == "both"
    cosine = say("similar_cosines" if is_both else "similar_cosine")
    head = (say("similar_wall"), cosine, *activities, say("similar_says"))
    return Table(head, tuple(_row(post, zone, say) for post in posts))


def _row(post: SimilarPost, zone: ZoneInfo, say: Language) -> tuple[str, ...]:
    rates = (say.rate(post.rates.get(name)) for name in SHOWN_ACTIVITIES)
    text = start_of(_as_read(post.text)) or say("without_text")
    cosines = " · ".join(say.number(cosine, 2) for cosine in post.cosines)
    return (wall_text(post, zone, say), cosines, *rates, text)


def _as_read(text: str) -> str:
    """Without the marks VK's data have: ``<br>``, ``&amp;``, ``[club1|Name]``."""
    return str(clean_for_encoder(pl.Series([text], dtype=pl.String))[0])


def wall_text(post: SimilarPost, zone: ZoneInfo, say: Language) -> str:
    """Whose post it is, and when it appeared."""
    other = start_of(post.owner_name) if post.owner_name else str(post.owner_id)
    owner = say("similar_own") if post.is_own else other
    if post.published_at is None:
        return owner
    return f"{owner}, {say.long_date(post.published_at.astimezone(zone))}"


def as_values(post: SimilarPost) -> dict[str, Any]:
    """As values of JSON: rates, not percent; times in UTC, ISO 8601."""
    return {
        "owner_id": post.owner_id,
        "owner_name": post.owner_name,
        "post_id": post.post_id,
        "published_at": post.published_at and post.published_at.isoformat(),
        "text": post.text,
        "text_cosine": post.text_cosine,
        "picture_cosine": post.picture_cosine,
        "is_own": post.is_own,
        "rates": dict(post.rates),
    }
