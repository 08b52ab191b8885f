"""Which picture stands for a post, and in which size."""

from collections.abc import Iterator
from typing import Any

from vkflow.images.media import LONGEST_SIDE

WIDTHS = {"s": 75, "m": 130, "o": 130, "p": 200, "q": 320, "r": 510, "x": 604, "y": 807}
WIDTHS |= {"z": 1080, "w": 2560}
"""Pixels by the letter of a size: old photos have a width of 0."""

Size = tuple[int, str]


def find_picture(attachments: Any, copy_history: Any) -> tuple[str | None, str | None]:
    """The address of a post's picture, or what is wrong with what should be one.

    The first photo; without one, the first preview of a video, link or document; of a repost
    without either, the picture of the reposted post.

    Returns:
        The address and the problem; at most one of them is not ``None``.
    """
    url, problem = _in_attachments(attachments)
    if url or problem or not isinstance(copy_history, list):
        return url, problem
    for copied in copy_history:
        if isinstance(copied, dict):
            url, problem = _in_attachments(copied.get("attachments"))
            if url or problem:
                return url, problem
    return None, None


def _in_attachments(attachments: Any) -> tuple[str | None, str | None]:
    if not attachments:
        return None, None
    if not isinstance(attachments, list):
        return None, "attachments are not a list"
    objects = [each for each in attachments if isinstance(each, dict)]
    photos = [each for each in objects if each.get("type") == "photo"]
    for each in (*photos, *objects):
        if sizes := sorted(_sizes(each)):
            return _large_enough(sizes), None
    if photos or len(objects) < len(attachments):
        return None, "a photo has no address" if photos else "an attachment is not an object"
    return None, None


def _large_enough(sizes: list[Size]) -> str:
    """The smallest that still fills the media store; else the largest."""
    return next((url for width, url in sizes if width >= LONGEST_SIDE), sizes[-1][1])


def _sizes(attachment: dict[str, Any]) -> Iterator[Size]:
    kind = attachment.get("type")
    content = attachment.get(kind) if isinstance(kind, str) else None
    if not isinstance(content, dict):
        return
    for size in _size_list(str(kind), content):
        if not isinstance(size, dict):
            continue
        url = size.get("url", size.get("src"))
        if isinstance(url, str) and url:
            yield _width(size), url


def _size_list(kind: str, content: dict[str, Any]) -> list[Any]:
    places: dict[str, tuple[str, ...]] = {
        "photo": ("sizes",),
        "video": ("image",),
        "link": ("photo", "sizes"),
        "doc": ("preview", "photo", "sizes"),
    }
    value: Any = content
    for name in places.get(kind, ("",)):
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, list) else []


def _width(size: dict[str, Any]) -> int:
    width = size.get("width")
    if isinstance(width, int) and width > 0:
        return width
    letter = size.get("type")
    return WIDTHS.get(letter, 0) if isinstance(letter, str) else 0
