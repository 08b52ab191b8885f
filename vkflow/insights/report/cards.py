"""A post as people see it: picture, beginning of the text, and figures beside it."""

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from PIL import Image

from vkflow.images.media import picture_file
from vkflow.insights.report.data import Named, ReportData
from vkflow.insights.report.language import Language
from vkflow.storage import Storage, StorageError

THUMBNAIL_SIDE = 132
THUMBNAIL_QUALITY = 72
TEXT_START = 170


@dataclass(frozen=True)
class Card:
    """One post.

    Attributes:
        owner: what its owner is called.
        owner_link: address of its owner's page; ``None``: unknown.
        moment: when it was published.
        text: beginning of its text, as plain text.
        picture: a data URI; ``None`` without a picture.
        link: its address on VK; ``None`` for posts that are not from there.
        figures: rows of words and numbers beside it.
        similar: sentences about posts its text resembles.
        similar_pictures: pictures it resembles, each with a sentence.
    """

    owner: str
    owner_link: str | None
    moment: str
    text: str
    picture: str | None
    link: str | None
    figures: list[dict[str, str]]
    similar: Sequence[str] = ()
    similar_pictures: Sequence[dict[str, str]] = ()


def card(
    data: ReportData,
    say: Language,
    post: dict[str, Any],
    figures: list[dict[str, str]],
    similar: Sequence[str] = (),
    similar_pictures: Sequence[dict[str, str]] = (),
) -> Card:
    """A card from owner_id, post_id, published_at, text, image_hash, source."""
    published = post["published_at"]
    local = published.astimezone(ZoneInfo(data.time_zone)) if published else None
    address = f"https://vk.com/wall{post['owner_id']}_{post['post_id']}"
    return Card(
        owner=owner_name(data, say, post["owner_id"]),
        owner_link=owner_address(data, post["owner_id"]),
        moment=say.moment(local),
        text=text_start(post["text"]) or say("without_text"),
        picture=thumbnail(data.media, post["image_hash"]),
        link=address if post["source"] == "vk" else None,
        figures=figures,
        similar=similar,
        similar_pictures=similar_pictures,
    )


def owner_name(data: ReportData, say: Language, owner_id: int) -> str:
    """Its name; without one a community has a negative id, a person a positive one, nobody 0."""
    if name := data.owners.get(owner_id, Named()).name:
        return name
    if owner_id == 0:
        return say("owner_unknown")
    return say("owner_community" if owner_id < 0 else "owner_person", id=abs(owner_id))


def owner_address(data: ReportData, owner_id: int) -> str | None:
    """Of its page; ``None``: unknown."""
    return data.owners.get(owner_id, Named()).address


def text_start(text: str) -> str:
    """The beginning of a text on one line, entities as characters; it may end within a word."""
    plain = " ".join(html.unescape(text.replace("<br>", " ")).split())
    return plain if len(plain) <= TEXT_START else plain[: TEXT_START - 1].rstrip() + "…"


@lru_cache(maxsize=512)
def thumbnail(media: Storage, image_hash: str | None) -> str | None:
    """A small JPEG as a data URI; ``None`` when the picture is not there or cannot be read."""
    if image_hash is None:
        return None
    try:
        content = picture_file(media, image_hash).read_bytes()
        with Image.open(io.BytesIO(content)) as picture:
            picture.draft("RGB", (THUMBNAIL_SIDE, THUMBNAIL_SIDE))
            small = picture.convert("RGB")
            small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
            file = io.BytesIO()
            small.save(file, "JPEG", quality=THUMBNAIL_QUALITY, optimize=True)
    except (OSError, StorageError, ValueError, Image.DecompressionBombError):
        return None
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
