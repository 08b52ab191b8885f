"""Which picture stands for a post, and in which size."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from vkflow.images.media import LONGEST_SIDE

WIDTHS = {"s": 75, "m": 130, "o": 130, "p": 200, "q": 320, "r": 510, "x": 604, "y": 807}
WIDTHS |= {"z": 1080, "w": 2560}
"""Pixels by the letter of a size: old photos have a width of 0."""

Path = tuple[str, ...]
Size = tuple[int, str]

ITSELF: tuple[Path, ...] = ((),)
PLACES: dict[str, tuple[Path, ...]] = {
    "photo": ITSELF,
    "posted_photo": ITSELF,
    "graffiti": ITSELF,
    "app": ITSELF,
    "sticker": ITSELF,
    "video": (("image",), ("first_frame",), ()),
    "clip": (("image",), ("first_frame",), ()),
    "video_playlist": (("image",),),
    "doc": (("preview", "photo"), ("preview", "graffiti")),
    "link": (("photo",), ("video", "image"), ("video", "first_frame")),
    "album": (("thumb",),),
    "market": (("thumb_photo",), ("photos",)),
    "market_album": (("photo",),),
    "article": (("photo",),),
    "poll": (("photo",), ("background",)),
    "podcast": (("cover",), ("podcast_info", "cover"), ("external_data", "cover")),
}
"""Where each kind of attachment has its picture, the best place first (API 5.199)."""

OFTEN_WITHOUT = ("app", "doc", "link", "poll", "sticker")
"""Kinds of which most show none: that they do not is nothing to remark."""

NUMBERED = re.compile(r"^(photo|first_frame)_(\d{2,4})$")
"""How a size was named in older versions: by its width."""


def find_picture(attachments: Any, copy_history: Any) -> tuple[str | None, str | None]:
    """The address of a post's picture, or what is wrong with what should be one.

    The first photo; without one, the first preview of anything else; of a repost without either,
    the picture of the reposted post.

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
    if photos:
        return None, "a photo has no address"
    if len(objects) < len(attachments):
        return None, "an attachment is not an object"
    return None, _without_picture(objects)


def _without_picture(attachments: Sequence[dict[str, Any]]) -> str | None:
    for each in attachments:
        kind = each.get("type")
        if isinstance(kind, str) and kind in PLACES and kind not in OFTEN_WITHOUT:
            return f"the attachment shows no picture: {kind}"
    return None


def _large_enough(sizes: list[Size]) -> str:
    """The smallest that still fills the media store; else the largest."""
    return next((url for width, url in sizes if width >= LONGEST_SIDE), sizes[-1][1])


def _sizes(attachment: dict[str, Any]) -> list[Size]:
    """Of the first place that has any."""
    kind = attachment.get("type")
    if not isinstance(kind, str):
        return []
    for path in PLACES.get(kind, ()):
        value = attachment.get(kind)
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if sizes := _sizes_of(value):
            return sizes
    return []


def _sizes_of(value: Any) -> list[Size]:
    """Sizes of a photo, of a list of sizes, of the first of some photos, or of an address."""
    if isinstance(value, str):
        return [(0, value)] if _is_address(value) else []
    if isinstance(value, dict):
        return _sizes_of_photo(value)
    objects = [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
    if sizes := [size for each in objects if (size := _size(each))]:
        return sizes
    return next((sizes for each in objects if (sizes := _sizes_of_photo(each))), [])


def _sizes_of_photo(photo: dict[str, Any]) -> list[Size]:
    for name in ("sizes", "images"):
        listed = photo.get(name)
        sizes = [_size(each) for each in listed] if isinstance(listed, list) else []
        if known := [size for size in sizes if size]:
            return known
    if original := _size(photo.get("orig_photo")):
        return [original]
    numbered = list(_numbered(photo))
    frames = [size for _, size in numbered]
    single = _size(photo)
    photos = [size for name, size in numbered if name == "photo"]
    return photos or frames or ([single] if single else [])


def _numbered(photo: dict[str, Any]) -> Iterator[tuple[str, Size]]:
    for name, url in photo.items():
        if (found := NUMBERED.match(name)) and _is_address(url):
            yield found[1], (int(found[2]), url)


def _size(size: Any) -> Size | None:
    if not isinstance(size, dict):
        return None
    for name in ("url", "src"):
        if _is_address(size.get(name)):
            return _width(size), size[name]
    return None


def _is_address(url: Any) -> bool:
    return isinstance(url, str) and bool(url.strip()) and url.isprintable()


def _width(size: dict[str, Any]) -> int:
    width = size.get("width")
    if isinstance(width, int) and width > 0:
        return width
    letter = size.get("type")
    return WIDTHS.get(letter, 0) if isinstance(letter, str) else 0
