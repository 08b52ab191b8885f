"""The methods vkflow uses, each with its parameters and the type of its answer."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from vkflow.sources.vk.calls import Call

POSTS_IN_PAGE = 100
POSTS_BY_ID = 100
POSTS_IN_REACH = 30
GROUPS_AT_ONCE = 500
USERS_AT_ONCE = 1_000
COMMUNITIES = ("group", "page", "event")


class Wall(BaseModel):
    """A page of a wall; the items are looked at one by one, since one may be broken.

    Attributes:
        count: posts on the whole wall, as VK counts them.
        items: posts, the pinned one first, then the newest.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    count: int | None = None
    items: list[Any]


class Resolved(BaseModel):
    """What a screen name stands for."""

    model_config = ConfigDict(strict=True, frozen=True)

    type: str
    object_id: int = Field(ge=0, lt=2**63)


_LIST = TypeAdapter(list[Any])


def wall_get(owner_id: int, offset: int, count: int) -> Call[Wall]:
    """``wall.get``: ``count`` posts (at most 100) from ``offset`` on, of the owner's own."""
    params: dict[str, str | int] = {"owner_id": owner_id, "offset": offset, "count": count}
    return Call("wall.get", params | {"filter": "owner"}, Wall.model_validate, posts=count)


def posts_by_id(owner_id: int, post_ids: Sequence[int]) -> Call[list[Any]]:
    """``wall.getById``: at most 100 posts; those that are gone are left out."""
    names = ",".join(f"{owner_id}_{post_id}" for post_id in post_ids)
    return Call("wall.getById", {"posts": names}, _items, posts=len(post_ids))


def post_reach(owner_id: int, post_ids: Sequence[int]) -> Call[list[Any]]:
    """``stats.getPostReach``: at most 30 posts of a community the token's user administers."""
    params: dict[str, str | int] = {"owner_id": owner_id, "post_ids": ",".join(map(str, post_ids))}
    return Call("stats.getPostReach", params, _LIST.validate_python)


def groups_by_id(group_ids: Sequence[int]) -> Call[list[Any]]:
    """``groups.getById``: at most 500 communities, with their members."""
    params = {"group_ids": ",".join(map(str, group_ids)), "fields": "members_count"}
    return Call("groups.getById", params, _groups)


def users_by_id(user_ids: Sequence[int]) -> Call[list[Any]]:
    """``users.get``: at most 1,000 people, with their followers."""
    params = {"user_ids": ",".join(map(str, user_ids)), "fields": "screen_name,followers_count"}
    return Call("users.get", params, _LIST.validate_python)


def resolve_name(screen_name: str) -> Call[int | None]:
    """``utils.resolveScreenName``: the owner id, negative for a community; ``None``: nobody."""
    return Call("utils.resolveScreenName", {"screen_name": screen_name}, _owner_id)


def try_execute() -> Call[int]:
    """``execute`` of nothing, to learn whether the token may."""
    return Call("execute", {"code": "return 1;"}, TypeAdapter(int).validate_python)


def _items(value: Any) -> list[Any]:
    """Older versions answer a list, newer ones an object around it."""
    return _LIST.validate_python(value.get("items") if isinstance(value, dict) else value)


def _groups(value: Any) -> list[Any]:
    """Likewise."""
    return _LIST.validate_python(value.get("groups") if isinstance(value, dict) else value)


def _owner_id(value: Any) -> int | None:
    if not value:
        return None
    resolved = Resolved.model_validate(value)
    if resolved.type in COMMUNITIES:
        return -resolved.object_id
    return resolved.object_id if resolved.type == "user" else None
