"""The secondary fields of a post: one that is not as VK describes it is left out and remarked."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LAST_MOMENT = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


class Fields:
    """Reads fields of a post.

    Args:
        item: the post as VK writes it.

    Attributes:
        problems: what was left out.
    """

    def __init__(self, item: Mapping[str, Any]) -> None:
        self._item = item
        self.problems: list[str] = []

    def part(self, name: str) -> Mapping[str, Any]:
        """An object; empty where there is none."""
        value = self._item.get(name)
        if value is None or isinstance(value, dict):
            return value or {}
        self._leave_out(name, "is not an object")
        return {}

    def whole(self, part: Mapping[str, Any], name: str, path: str) -> int | None:
        """A whole number of at most 64 bits."""
        value = part.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self._leave_out(path, "is not a whole number")
        elif abs(value) >= 2**63:
            self._leave_out(path, "is out of range")
        else:
            return value
        return None

    def count(self, name: str) -> int | None:
        """The ``count`` of ``likes``, ``comments`` or ``views``."""
        return self.whole(self.part(name), "count", f"{name}.count")

    def number(self, name: str) -> int | None:
        """A whole number of the post itself."""
        return self.whole(self._item, name, name)

    def moment(self, name: str) -> int | None:
        """Seconds since 1970, within the calendar."""
        value = self.number(name)
        if value is None or 0 <= value <= LAST_MOMENT:
            return value
        self._leave_out(name, "is out of range")
        return None

    def flag(self, name: str) -> bool | None:
        """``True`` or ``False``, or 1 or 0."""
        value = self._item.get(name)
        if value is None or isinstance(value, int):
            return None if value is None else bool(value)
        self._leave_out(name, "is neither true nor false")
        return None

    def _leave_out(self, path: str, problem: str) -> None:
        self.problems.append(f"{path} {problem}: it is left out")


def read_counts(fields: Fields) -> dict[str, int | None]:
    """By column of ``snapshots``; what VK does not say is unknown, not 0."""
    reposts, messages = split_reposts(fields)
    comments = fields.count("comments")
    return {
        "views": fields.count("views"),
        "likes": fields.count("likes"),
        "comments": None if comments == 0 and _are_closed(fields.part("comments")) else comments,
        "reposts": reposts,
        "shares_to_message": messages,
    }


def split_reposts(fields: Fields) -> tuple[int | None, int | None]:
    """Reposts on walls and shares to messages, where VK tells them apart.

    VK answers 0 for both parts of a count that is none, and to some tokens the count alone: then
    it stands for both, and the messages are unknown.
    """
    reposts = fields.part("reposts")
    names = ("count", "wall_count", "mail_count")
    count, on_walls, in_messages = (
        fields.whole(reposts, name, f"reposts.{name}") for name in names
    )
    if _is_sum(count, on_walls, in_messages):
        return on_walls, in_messages
    return count, None


def _is_sum(count: int | None, on_walls: int | None, in_messages: int | None) -> bool:
    if count is None or on_walls is None or in_messages is None:
        return False
    return on_walls >= 0 and in_messages >= 0 and on_walls + in_messages == count


def _are_closed(comments: Mapping[str, Any]) -> bool:
    """Whether nobody can comment, so that nobody's comment says nothing."""
    return comments.get("can_post") == 0 or comments.get("can_view") == 0 or _can_open(comments)


def _can_open(comments: Mapping[str, Any]) -> bool:
    """Only what is closed can be opened."""
    return comments.get("can_open") == 1
