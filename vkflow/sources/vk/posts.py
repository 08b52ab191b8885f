"""From a post as VK writes it to what vkflow keeps of it."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vkflow.sources.vk.answers import payload
from vkflow.sources.vk.previews import find_picture
from vkflow.sources.vk.rejections import Rejection

LAST_MOMENT = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
UNPUBLISHED = ("postpone", "suggest", "reply")

WholeNumber = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Moment = Annotated[int, Field(ge=0, le=LAST_MOMENT)]
Flag = bool | int | None


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Count(_Part):
    """``likes``, ``comments`` and ``views``."""

    count: WholeNumber | None = None


class Reposts(_Part):
    """``reposts``: on walls and in messages, together and, in newer answers, apart."""

    count: WholeNumber | None = None
    wall_count: WholeNumber | None = None
    mail_count: WholeNumber | None = None

    def on_walls(self) -> int | None:
        """Without those sent in messages, if these are known."""
        if self.wall_count is not None or self.count is None:
            return self.wall_count
        return self.count - (self.mail_count or 0)


class RawPost(_Part):
    """The fields of a post vkflow reads, as of API 5.199."""

    id: WholeNumber
    owner_id: WholeNumber | None = None
    date: Moment
    edited: Moment | None = None
    text: str
    post_type: Any = None
    marked_as_ads: Flag = None
    is_pinned: Flag = None
    likes: Count | None = None
    comments: Count | None = None
    reposts: Reposts | None = None
    views: Count | None = None
    attachments: Any = None
    copy_history: Any = None

    def counts(self) -> dict[str, int | None]:
        """By column of ``snapshots``; what VK does not say is unknown, not 0."""
        reposts = self.reposts or Reposts()
        return {
            "views": self.views.count if self.views else None,
            "likes": self.likes.count if self.likes else None,
            "comments": self.comments.count if self.comments else None,
            "reposts": reposts.on_walls(),
            "shares_to_message": reposts.mail_count,
        }


@dataclass(frozen=True)
class Post:
    """A post of a wall.

    Attributes:
        owner_id: negative for a community.
        post_id: number on that wall.
        date: when it was published, in seconds since 1970.
        edited: when it was last edited, likewise; 0: never.
        text: its own; of a repost without one, the reposted.
        is_ad: marked as an advertisement.
        is_pinned: stands on top of the wall, whatever its date.
        counts: by column of ``snapshots``.
        picture_url: address of its first picture.
        remarks: parts of it that could not be understood; the post is kept without them.
    """

    owner_id: int
    post_id: int
    date: int
    edited: int
    text: str
    is_ad: bool
    is_pinned: bool
    counts: dict[str, int | None]
    picture_url: str | None
    remarks: tuple[Rejection, ...]

    @property
    def key(self) -> str:
        """As in the quarantine."""
        return f"{self.owner_id}_{self.post_id}"

    @property
    def position(self) -> tuple[int, int]:
        """Place in the order of publication."""
        return self.date, self.post_id


def read_post(item: Any, owner_id: int) -> Post | Rejection:
    """Type one item of a wall, or say why it is none.

    Args:
        item: anything VK put there.
        owner_id: whose wall was asked for.
    """
    if not isinstance(item, dict):
        return _refused(item, owner_id, "a post is not a JSON object")
    if item.get("is_deleted"):
        return _refused(item, owner_id, "deleted on VK")
    try:
        raw = RawPost.model_validate(item)
    except ValidationError as error:
        return _refused(item, owner_id, _first_problem(error))
    if not _is_unicode(raw.text):
        return _refused(item, owner_id, "text is not valid Unicode")
    if raw.owner_id not in (None, owner_id):
        return _refused(item, owner_id, "it belongs to another wall than was asked for")
    if raw.post_type in UNPUBLISHED:
        return _refused(item, owner_id, f"not a published post: {raw.post_type}")
    return _kept(raw, owner_id)


def item_key(item: Any, owner_id: int) -> str:
    """A name for an item: that of its post, or one made from its content."""
    post_id = item.get("id") if isinstance(item, dict) else None
    if isinstance(post_id, int) and not isinstance(post_id, bool) and abs(post_id) < 2**63:
        return f"{owner_id}_{post_id}"
    digest = hashlib.blake2b(payload(item).encode(), digest_size=6).hexdigest()
    return f"{owner_id}_unknown-{digest}"


def _kept(raw: RawPost, owner_id: int) -> Post:
    text, repost_problem = _text(raw)
    url, picture_problem = find_picture(raw.attachments, raw.copy_history)
    problems = {"repost": repost_problem, "picture": picture_problem}
    return Post(
        owner_id=owner_id,
        post_id=raw.id,
        date=raw.date,
        edited=raw.edited or 0,
        text=text,
        is_ad=bool(raw.marked_as_ads),
        is_pinned=bool(raw.is_pinned),
        counts=raw.counts(),
        picture_url=url,
        remarks=tuple(
            Rejection(f"{owner_id}_{raw.id} {part}", problem)
            for part, problem in problems.items()
            if problem
        ),
    )


def _text(raw: RawPost) -> tuple[str, str | None]:
    """The text people see: a repost without words of its own shows those of the reposted."""
    if raw.text.strip() or not raw.copy_history:
        return raw.text, None
    if not isinstance(raw.copy_history, list):
        return raw.text, "copy_history is not a list"
    for copied in raw.copy_history:
        text = copied.get("text") if isinstance(copied, dict) else None
        if not isinstance(text, str) or not _is_unicode(text):
            return raw.text, "a reposted post has no readable text"
        if text.strip():
            return text, None
    return raw.text, None


def _is_unicode(text: str) -> bool:
    """Whether it is free of halves of surrogate pairs, which JSON allows and nothing else does."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refused(item: Any, owner_id: int, reason: str) -> Rejection:
    return Rejection(item_key(item, owner_id), reason, payload(item))


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(str(part) for part in problem["loc"] if part not in ("bool", "int"))
    kinds = {"missing": "is missing", "string_type": "is not a text"}
    kinds |= {"int_type": "is not a whole number", "model_type": "is not an object"}
    kinds |= {"bool_type": "is neither true nor false"}
    return f"{name} {kinds.get(problem['type'], 'is out of range')}"
