"""Posts drawn from a description of what VK may answer (API 5.199), some of them spoilt.

The description is a small language: a word for a plain value, a dictionary for an object (a name
with a question mark may be missing), a list for a choice, ``many`` for a list of up to so many.
"""

from dataclasses import dataclass
from random import Random
from typing import Any


@dataclass(frozen=True)
class Many:
    """A list of at most ``most`` of something."""

    of: Any
    most: int


@dataclass(frozen=True)
class Whole:
    """A whole number between two others."""

    low: int
    high: int


COUNT = Whole(0, 400)
FLAG = [0, 1]
SIZE_LETTERS = ["s", "m", "o", "p", "q", "r", "x", "y", "z", "w", "base", "max"]
SIZE = {
    "type": SIZE_LETTERS,
    "url": "address",
    "width": [0, 75, 130, 320, 510, 512, 604, 807, 1280],
    "height": Whole(0, 2_000),
}
SOURCE_SIZE = {"type": SIZE_LETTERS, "src": "address", "width": Whole(0, 1_000), "height": COUNT}
IMAGE = {
    "url": "address",
    "width": [0, 130, 320, 720, 1280],
    "height": Whole(0, 720),
    "with_padding?": FLAG,
}
PHOTO = {
    "id": Whole(1, 10**9),
    "owner_id": Whole(-(10**6), -1),
    "album_id": Whole(-10, 10),
    "text": "text",
    "sizes?": Many(SIZE, 6),
    "images?": Many(SIZE, 3),
    "orig_photo?": {"type": "base", "url": "address", "width": Whole(1, 4_000), "height": COUNT},
    "photo_604?": "address",
    "has_tags": "truth",
}
VIDEO = {
    "id": Whole(1, 10**9),
    "title": "text",
    "duration": COUNT,
    "image?": Many(IMAGE, 4),
    "first_frame?": Many(IMAGE, 4),
    "photo_320?": "address",
    "photo_800?": "address",
    "first_frame_320?": "address",
    "views?": COUNT,
}
BACKGROUND = {"id": COUNT, "type": ["gradient", "tile"], "images?": Many(IMAGE, 3), "color": "text"}
ATTACHMENTS: dict[str, Any] = {
    "photo": PHOTO,
    "posted_photo": {"id": COUNT, "photo_130?": "address", "photo_604?": "address"},
    "graffiti": {
        "id": COUNT, "photo_200?": "address", "photo_586?": "address", "url?": "address",
        "width": COUNT, "height": COUNT,
    },
    "app": {"id": COUNT, "name": "text", "photo_130?": "address", "photo_604?": "address"},
    "video": VIDEO,
    "clip": VIDEO,
    "video_playlist": {"id": COUNT, "title": "text", "count": COUNT, "image?": Many(IMAGE, 3)},
    "doc": {
        "id": COUNT, "title": "text", "ext": ["gif", "pdf"], "url": "address",
        "preview?": {
            "photo?": {"sizes?": Many(SOURCE_SIZE, 4)},
            "graffiti?": {"src": "address", "width": COUNT, "height": COUNT},
        },
    },
    "link": {"url": "address", "title": "text", "photo?": PHOTO, "video?": VIDEO},
    "album": {"id": COUNT, "title": "text", "size": COUNT, "thumb?": PHOTO},
    "market": {"id": COUNT, "title": "text", "thumb_photo?": "address", "photos?": Many(PHOTO, 2)},
    "market_album": {"id": Whole(1, 99), "title": "text", "count": COUNT, "photo?": PHOTO},
    "article": {"id": COUNT, "title": "text", "photo?": PHOTO},
    "poll": {
        "id": Whole(1, 99), "question": "text", "votes": COUNT, "photo?": BACKGROUND,
        "background?": BACKGROUND,
    },
    "podcast": {
        "id": COUNT, "title": "text", "cover?": {"sizes?": Many(SIZE, 3)},
        "podcast_info?": {"cover?": {"sizes?": Many(SIZE, 3)}},
    },
    "sticker": {"sticker_id": COUNT, "images?": Many(IMAGE, 3)},
    "audio": {"id": COUNT, "artist": "text", "title": "text", "duration": COUNT},
    "audio_playlist": {"id": COUNT, "title": "text"},
    "note": {"id": COUNT, "title": "text", "view_url": "address"},
    "page": {"id": COUNT, "title": "text", "view_url": "address"},
    "event": {"id": COUNT, "text": "text", "button_text": "text"},
    "group": {"id": COUNT, "text": "text", "size": COUNT},
    "donut_link": {"owner_id": COUNT, "text": "text"},
    "textlive": {"textlive_id": COUNT, "title": "text"},
    "situational_theme": {"id": COUNT, "title": "text"},
}  # fmt: skip
LIKES = {"can_like": FLAG, "count": COUNT, "user_likes": FLAG, "repost_disabled?": "truth"}
COMMENTS = {
    "count?": Whole(0, 5), "can_post?": FLAG, "can_open?": FLAG, "can_close?": FLAG,
    "can_view?": FLAG, "groups_can_post?": "truth",
}  # fmt: skip
DONUT = {"is_donut": "truth", "placeholder?": {"text": "text"}, "edit_mode?": ["all", "duration"]}
KINDS = ["post", "copy", "reply", "postpone", "suggest", "post_ads", "photo", "video", "clip"]
POST = {
    "inner_type": ["wall_wallpost"],
    "hash?": "text",
    "edited?": Whole(1_700_000_000, 1_790_000_000),
    "text": "text",
    "marked_as_ads?": FLAG,
    "is_pinned?": FLAG,
    "is_favorite?": "truth",
    "signer_id?": Whole(1, 10**9),
    "carousel_offset?": COUNT,
    "short_text_rate?": [0.8],
    "post_source?": {"type": ["vk", "api", "mvk", "rss"], "platform?": "text"},
    "likes?": LIKES,
    "comments?": COMMENTS,
    "reposts?": {
        "count": COUNT, "wall_count?": Whole(0, 200), "mail_count?": Whole(0, 200),
        "user_reposted": FLAG,
    },
    "views?": {"count": Whole(300, 5_000)},
}  # fmt: skip
PRESENCE = 0.7
TEXTS = ["", " ", "Котики", "Скидка 50 % 🎁", "[club1|Мы] и #тег", "a\nb", "Ёж & &#128571;"]
ODD = [
    None, True, False, 0, 1, -1, -7, 1.5, 2**31, 2**63, -(2**63) - 1, 2**70, "", "12", "x", [], {},
    [1], {"count": "3"}, {"count": -4}, {"count": None}, float("inf"), "\ud800",
]  # fmt: skip
WATCHED = (
    "edited", "marked_as_ads", "is_pinned", "likes", "comments", "reposts", "views", "attachments",
    "copy_history", "from_id", "owner_id", "date", "text", "post_type", "donut", "is_archived",
    "id", "is_deleted",
)  # fmt: skip


class PostMaker:
    """Draws posts.

    Args:
        random: of everything.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._addresses = 0

    def post(self, owner_id: int, post_id: int, date: int) -> Any:
        """A post of a wall; one in three has a field that is not as described."""
        random = self._random
        post = self._draw(POST)
        post |= {"id": post_id, "owner_id": owner_id, "date": date}
        if random.random() < 0.9:
            post["from_id"] = owner_id if random.random() < 0.95 else random.randint(1, 99)
        if random.random() < 0.9:
            post["post_type"] = "post" if random.random() < 0.85 else random.choice(KINDS)
        if random.random() < 0.3:
            post["type"] = "post"
        if random.random() < 0.05:
            post["is_archived"] = random.random() < 0.5
        if random.random() < 0.1:
            post["donut"] = self._draw(DONUT)
        if random.random() < 0.8:
            post["attachments"] = self._attachments()
        if random.random() < 0.2:
            post["copy_history"] = [self._reposted() for _ in range(random.randint(0, 2))]
        self._agree(post)
        if random.random() < 0.33:
            self._spoil(post)
        return post

    def _agree(self, post: dict[str, Any]) -> None:
        """Half of the split counts of reposts add up."""
        reposts = post.get("reposts", {})
        if {"wall_count", "mail_count"} <= set(reposts) and self._random.random() < 0.5:
            reposts["count"] = reposts["wall_count"] + reposts["mail_count"]

    def _attachments(self) -> list[dict[str, Any]]:
        kinds = self._random.choices(list(ATTACHMENTS), k=self._random.randint(0, 3))
        return [{"type": kind, kind: self._draw(ATTACHMENTS[kind])} for kind in kinds]

    def _reposted(self) -> dict[str, Any]:
        return {"id": 5, "owner_id": -9, "text": self._draw("text")} | (
            {"attachments": self._attachments()} if self._random.random() < 0.5 else {}
        )

    def _spoil(self, post: dict[str, Any]) -> None:
        random = self._random
        name = random.choice(WATCHED)
        place: Any = post
        key: Any = name
        while random.random() < 0.75:
            inner = place[key] if isinstance(place, list) else place.get(key)
            if not isinstance(inner, dict | list) or not inner:
                break
            place = inner
            key = random.choice(list(inner)) if isinstance(inner, dict) else 0
        if random.random() < 0.25 and isinstance(place, dict) and key in place:
            del place[key]
        else:
            place[key] = random.choice(ODD)

    def _draw(self, described: Any) -> Any:
        random = self._random
        if isinstance(described, dict):
            return {
                name.rstrip("?"): self._draw(inner)
                for name, inner in described.items()
                if not name.endswith("?") or random.random() < PRESENCE
            }
        if isinstance(described, list):
            return random.choice(described)
        if isinstance(described, Whole):
            return random.randint(described.low, described.high)
        if isinstance(described, Many):
            return [self._draw(described.of) for _ in range(random.randint(0, described.most))]
        return self._word(described)

    def _word(self, described: str) -> Any:
        if described == "text":
            return self._random.choice(TEXTS)
        if described == "truth":
            return self._random.random() < 0.5
        self._addresses += 1
        return f"https://sun9-{self._addresses % 90}.userapi.com/{self._addresses}.jpg"
