"""From a post as VK writes it to what vkflow keeps of it."""

import hashlib
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vkflow.sources.vk.answers import payload
from vkflow.sources.vk.fields import LAST_MOMENT, Fields, read_counts
from vkflow.sources.vk.previews import find_picture
from vkflow.sources.vk.rejections import Rejection

UNPUBLISHED = ("postpone", "suggest", "reply")
ADVERT = "post_ads"

PARTS = ("fields", "picture", "repost", "reach")
"""Parts of a post that may be missing while it is kept; they have keys of their own."""

WholeNumber = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Moment = Annotated[int, Field(ge=0, le=LAST_MOMENT)]


class RawPost(BaseModel):
    """What a post must have (API 5.199)."""

    model_config = ConfigDict(strict=True, frozen=True)

    id: WholeNumber
    owner_id: WholeNumber | None = None
    date: Moment
    text: str


@dataclass(frozen=True)
class Post:
    """A post of a wall.

    Attributes:
        owner_id: negative for a community.
        post_id: number on that wall.
        date: when it was published, in seconds since 1970.
        edited: when it was last edited, likewise; 0: never.
        text: its own; of a repost without one, the reposted.
        is_ad: marked as an advertisement; ``None``: unknown.
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
    is_ad: bool | None
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

    @property
    def counts_messages(self) -> bool | None:
        """Whether its reposts are those on walls and in messages together."""
        known = self.counts["reposts"] is not None
        return self.counts["shares_to_message"] is None if known else None


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
    if reason := _not_ordinary(item, owner_id):
        return _refused(item, owner_id, reason)
    return _kept(item, raw, owner_id)


def item_key(item: Any, owner_id: int) -> str:
    """A name for an item: that of its post, or one made from its content."""
    post_id = item.get("id") if isinstance(item, dict) else None
    if isinstance(post_id, int) and not isinstance(post_id, bool) and abs(post_id) < 2**63:
        return f"{owner_id}_{post_id}"
    digest = hashlib.blake2b(payload(item).encode(), digest_size=6).hexdigest()
    return f"{owner_id}_unknown-{digest}"


def _not_ordinary(item: dict[str, Any], owner_id: int) -> str | None:
    """Why a post is not one its owner shows to everybody; ``None``: it is."""
    kind, donut = item.get("post_type") or item.get("type"), item.get("donut")
    author = item.get("from_id")
    if kind in UNPUBLISHED:
        return f"not a published post: {kind}"
    if kind == ADVERT:
        return "an advertisement that the wall does not show (post_ads)"
    if item.get("is_archived") is True or item.get("is_archived") == 1:
        return "archived by its owner"
    if isinstance(donut, dict) and donut.get("placeholder"):
        return "for paying subscribers: VK shows a placeholder instead"
    if isinstance(author, int) and not isinstance(author, bool) and author != owner_id:
        return f"written by {author}, not by the owner of the wall"
    return None


def _kept(item: dict[str, Any], raw: RawPost, owner_id: int) -> Post:
    fields = Fields(item)
    text, repost_problem = _text(raw.text, item.get("copy_history"))
    url, picture_problem = find_picture(item.get("attachments"), item.get("copy_history"))
    is_ad, counts = fields.flag("marked_as_ads"), read_counts(fields)
    edited, is_pinned = fields.moment("edited"), fields.flag("is_pinned")
    fields.number("from_id")
    problems = [("repost", repost_problem), ("picture", picture_problem)]
    problems += [("fields", problem) for problem in dict.fromkeys(fields.problems)]
    return Post(
        owner_id=owner_id,
        post_id=raw.id,
        date=raw.date,
        edited=edited or 0,
        text=text,
        is_ad=is_ad if is_ad is not None or item.get("marked_as_ads") is not None else False,
        is_pinned=bool(is_pinned),
        counts=counts,
        picture_url=url,
        remarks=tuple(
            Rejection(f"{owner_id}_{raw.id} {part}", problem)
            for part, problem in problems
            if problem
        ),
    )


def _text(own: str, copy_history: Any) -> tuple[str, str | None]:
    """The text people see: a repost without words of its own shows those of the reposted."""
    if own.strip() or not copy_history:
        return own, None
    if not isinstance(copy_history, list):
        return own, "copy_history is not a list"
    for copied in copy_history:
        text = copied.get("text") if isinstance(copied, dict) else None
        if not isinstance(text, str) or not _is_unicode(text):
            return own, "a reposted post has no readable text"
        if text.strip():
            return text, None
    return own, None


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
    kinds = {"missing": "is missing", "string_type": "is not a text"}
    kinds |= {"int_type": "is not a whole number"}
    return f"{problem['loc'][0]} {kinds.get(problem['type'], 'is out of range')}"
