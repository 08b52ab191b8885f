"""Who the owners of the walls are: names, addresses, members as of today."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import polars as pl

from vkflow.sources.source import OWNERS_SCHEMA
from vkflow.sources.vk.answers import clean, payload
from vkflow.sources.vk.calls import Call
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import WALL_ERRORS, VkTokenError
from vkflow.sources.vk.methods import GROUPS_AT_ONCE, USERS_AT_ONCE, groups_by_id, users_by_id
from vkflow.sources.vk.rejections import Rejection

logger = logging.getLogger(__name__)

SITE = "https://vk.com"


@dataclass
class Described:
    """Rows of ``OWNERS_SCHEMA``, what could not be understood, and what was earlier."""

    owners: list[dict[str, Any]] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)

    def frame(self) -> pl.DataFrame:
        """The rows."""
        return pl.DataFrame(self.owners, schema=dict(OWNERS_SCHEMA))


def describe_owners(client: VkClient, owner_ids: Sequence[int]) -> Described:
    """Ask VK who the owners are; without an answer they go on by their ids."""
    described = Described()
    communities = [-owner_id for owner_id in owner_ids if owner_id < 0]
    people = [owner_id for owner_id in owner_ids if owner_id > 0]
    for start in range(0, len(communities), GROUPS_AT_ONCE):
        _ask(client, groups_by_id(communities[start : start + GROUPS_AT_ONCE]), -1, described)
    for start in range(0, len(people), USERS_AT_ONCE):
        _ask(client, users_by_id(people[start : start + USERS_AT_ONCE]), 1, described)
    wanted = set(owner_ids)
    described.owners = [each for each in described.owners if each["owner_id"] in wanted]
    return described


def _ask(client: VkClient, call: Call[list[Any]], sign: int, into: Described) -> None:
    try:
        items = client.call(call).value
    except (VkTokenError, *WALL_ERRORS) as error:
        if isinstance(error, VkTokenError) and not error.is_of_method:
            raise
        logger.warning("owners go by their ids: %s", error)
        return
    for item in items:
        number = item.get("id") if isinstance(item, dict) else None
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 2**63:
            reason = f"{call.method}: an owner without a number"
            into.rejections.append(Rejection("owners", reason, payload(item)))
        else:
            into.owners.append(_row(item, sign * number))


def _row(item: dict[str, Any], owner_id: int) -> dict[str, Any]:
    """What is not as VK describes it is unknown."""
    plain = f"club{-owner_id}" if owner_id < 0 else f"id{owner_id}"
    screen_name = _text(item.get("screen_name"))
    return {
        "owner_id": owner_id,
        "name": _name(item, owner_id),
        "screen_name": screen_name,
        "members": _count(item.get("members_count" if owner_id < 0 else "followers_count")),
        "address": f"{SITE}/{quote(screen_name or plain)}",
    }


def _name(item: dict[str, Any], owner_id: int) -> str | None:
    if owner_id < 0:
        return _text(item.get("name"))
    parts = [_text(item.get(name)) for name in ("first_name", "last_name")]
    return " ".join(part for part in parts if part) or None


def _count(value: Any) -> int | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value < 2**63 else None


def _text(value: Any) -> str | None:
    return (" ".join(clean(value).split()) or None) if isinstance(value, str) else None
