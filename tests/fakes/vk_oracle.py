"""What is right to keep of a post, said a second time and in another way than the parser does."""

from typing import Any

WIDTH_OF_LETTER = {
    "s": 75, "m": 130, "o": 130, "p": 200, "q": 320, "r": 510, "x": 604, "y": 807, "z": 1080,
    "w": 2560,
}  # fmt: skip
END_OF_TIME = 253_402_214_400
FILLED = 512
HIDDEN = {"postpone", "suggest", "reply", "post_ads"}
MUST_SHOW = {
    "photo", "posted_photo", "graffiti", "video", "clip", "video_playlist", "album", "market",
    "market_album", "article", "podcast",
}  # fmt: skip


def is_whole(value: Any) -> bool:
    return type(value) is int and -(2**63) < value < 2**63


def is_refused(post: Any, owner_id: int) -> bool:
    """Whether a post is none of the owner's, or none at all."""
    if type(post) is not dict or post.get("is_deleted"):
        return True
    required = (
        is_whole(post.get("id")),
        post.get("owner_id") is None or post["owner_id"] == owner_id is not True,
        type(post.get("owner_id")) in (int, type(None)),
        is_whole(post.get("date")) and 0 <= post["date"] <= END_OF_TIME,
        type(post.get("text")) is str and "\ud800" not in post["text"],
    )
    kind = post.get("post_type") or post.get("type")
    extraordinary = (
        type(kind) is str and kind in HIDDEN,
        post.get("is_archived") in (True, 1) and type(post["is_archived"]) in (bool, int),
        type(post.get("donut")) is dict and bool(post["donut"].get("placeholder")),
        type(post.get("from_id")) is int and post["from_id"] != owner_id,
    )
    return not all(required) or any(extraordinary)


def counted(post: dict[str, Any], part: str, name: str = "count") -> int | None:
    """A count, if it is one."""
    inner = post.get(part)
    value = inner.get(name) if type(inner) is dict else None
    return value if is_whole(value) else None


def counts(post: dict[str, Any]) -> dict[str, int | None]:
    total, walls, messages = (
        counted(post, "reposts", name) for name in ("count", "wall_count", "mail_count")
    )
    adds_up = None not in (total, walls, messages) and walls + messages == total  # type: ignore
    adds_up = adds_up and min(walls, messages) >= 0  # type: ignore
    comments, rights = counted(post, "comments"), post.get("comments")
    if comments == 0 and type(rights) is dict:
        closed = [rights.get("can_post") == 0, rights.get("can_view") == 0]
        comments = None if any(closed) or rights.get("can_open") == 1 else 0
    return {
        "views": counted(post, "views"),
        "likes": counted(post, "likes"),
        "comments": comments,
        "reposts": walls if adds_up else total,
        "shares_to_message": messages if adds_up else None,
    }


def is_anything_odd(post: dict[str, Any]) -> bool:
    """Whether a secondary field is there that is not what it should be."""
    for part in ("likes", "views", "comments", "reposts"):
        inner = post.get(part)
        if inner is None:
            continue
        if type(inner) is not dict:
            return True
        names = ("count", "wall_count", "mail_count") if part == "reposts" else ("count",)
        if any(inner.get(name) is not None and not is_whole(inner[name]) for name in names):
            return True
    edited = post.get("edited")
    flags = [post.get(name) for name in ("marked_as_ads", "is_pinned")]
    return (
        (edited is not None and not (is_whole(edited) and 0 <= edited <= END_OF_TIME))
        or any(flag is not None and type(flag) not in (int, bool) for flag in flags)
        or (post.get("from_id") is not None and not is_whole(post["from_id"]))
    )


def text(post: dict[str, Any]) -> str:
    """Its own text, or that of the first reposted one that has any."""
    own = post["text"]
    history = post.get("copy_history")
    if own.strip() or type(history) is not list:
        return own
    for copied in history:
        theirs = copied.get("text") if type(copied) is dict else None
        if type(theirs) is not str or "\ud800" in theirs:
            return own
        if theirs.strip():
            return theirs
    return own


def is_address(value: Any) -> bool:
    return type(value) is str and bool(value.strip()) and "\ud800" not in value


def sized(value: Any) -> list[tuple[int, str]]:
    """The sizes in a list of them."""
    found = []
    for size in value if type(value) is list else []:
        if type(size) is not dict:
            continue
        address = next((size[k] for k in ("url", "src") if is_address(size.get(k))), None)
        if address:
            width, letter = size.get("width"), size.get("type")
            known = WIDTH_OF_LETTER.get(letter, 0) if type(letter) is str else 0
            is_width = type(width) in (int, bool) and width > 0
            found.append((width if is_width else known, address))
    return found


def by_width(content: dict[str, Any], *prefixes: str) -> list[tuple[int, str]]:
    for prefix in prefixes:
        found = [
            (int(name.removeprefix(prefix)), content[name])
            for name in content
            if name.startswith(prefix) and name.removeprefix(prefix).isdigit()
            if is_address(content[name])
        ]
        if found:
            return found
    return []


def photo(content: Any) -> list[tuple[int, str]]:
    """The sizes of a photo, of whatever version."""
    if type(content) is not dict:
        return []
    ways = (
        sized(content.get("sizes")),
        sized(content.get("images")),
        sized([content.get("orig_photo")]),
        by_width(content, "photo_", "first_frame_"),
        sized([content]),
    )
    return next((way for way in ways if way), [])


def shown(attachment: Any) -> list[tuple[int, str]]:
    """The sizes of the picture an attachment shows."""
    kind = attachment.get("type") if type(attachment) is dict else None
    content = attachment.get(kind) if type(kind) is str else None
    if type(content) is not dict or kind not in READERS:
        return []
    return next((way for way in READERS[kind](content) if way), [])


def inside(content: dict[str, Any], *names: str) -> Any:
    value: Any = content
    for name in names:
        value = value.get(name) if type(value) is dict else None
    return value


def moving(content: dict[str, Any]) -> list[Any]:
    return [sized(content.get("image")), sized(content.get("first_frame")), photo(content)]


def goods(content: dict[str, Any]) -> list[Any]:
    thumb, listed = content.get("thumb_photo"), content.get("photos")
    photos = [photo(each) for each in listed] if type(listed) is list else []
    return [[(0, thumb)] if is_address(thumb) else [], *photos]


READERS: dict[str, Any] = {
    "photo": lambda c: [photo(c)],
    "posted_photo": lambda c: [photo(c)],
    "graffiti": lambda c: [photo(c)],
    "app": lambda c: [photo(c)],
    "sticker": lambda c: [photo(c)],
    "video": moving,
    "clip": moving,
    "video_playlist": lambda c: [sized(c.get("image"))],
    "doc": lambda c: [
        photo(inside(c, "preview", "photo")),
        photo(inside(c, "preview", "graffiti")),
    ],
    "link": lambda c: [
        photo(c.get("photo")),
        sized(inside(c, "video", "image")),
        sized(inside(c, "video", "first_frame")),
    ],
    "album": lambda c: [photo(c.get("thumb"))],
    "market": goods,
    "market_album": lambda c: [photo(c.get("photo"))],
    "article": lambda c: [photo(c.get("photo"))],
    "poll": lambda c: [photo(c.get("photo")), photo(c.get("background"))],
    "podcast": lambda c: [
        photo(c.get("cover")),
        photo(inside(c, "podcast_info", "cover")),
    ],
}


def picture(post: dict[str, Any]) -> tuple[str | None, bool]:
    """The address of the picture, and whether there should be one that is not there."""
    layers = [post.get("attachments")]
    history = post.get("copy_history")
    layers += (
        [each.get("attachments") for each in history or [] if type(each) is dict]
        if (type(history) is list)
        else []
    )
    for layer in layers:
        if not layer:
            continue
        if type(layer) is not list:
            return None, True
        objects = [each for each in layer if type(each) is dict]
        first = [each for each in objects if each.get("type") == "photo"]
        for each in first + objects:
            sizes = sorted(shown(each))
            if sizes:
                wide = [address for width, address in sizes if width >= FILLED]
                return (wide or [sizes[-1][1]])[0], False
        kinds = [each.get("type") for each in objects]
        if len(objects) < len(layer) or any(
            type(kind) is str and kind in MUST_SHOW for kind in kinds
        ):
            return None, True
    return None, False
