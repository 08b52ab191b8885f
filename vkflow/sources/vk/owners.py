"""Whose walls are read: from what a person writes to numbers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import WALL_ERRORS
from vkflow.sources.vk.methods import resolve_name
from vkflow.sources.vk.rejections import Rejection

LINK = re.compile(r"^(https?://)?(www\.|m\.)?vk\.(com|ru)/", re.IGNORECASE)
NUMBER = re.compile(r"^-?[1-9]\d{0,17}$")
PLAIN_NAME = re.compile(r"^(club|public|event|id)([1-9]\d{0,17})$", re.IGNORECASE)


@dataclass(frozen=True)
class Owners:
    """Owner ids without repetitions, and the names that lead nowhere."""

    ids: tuple[int, ...]
    unknown: tuple[Rejection, ...]


def find_owners(client: VkClient, names: Sequence[str]) -> Owners:
    """Numbers of owners; VK is asked about screen names only.

    Args:
        client: the open client.
        names: ids (-1 is community 1), ``club1``, ``id1``, screen names, links to walls.
    """
    ids: dict[int, None] = {}
    unknown = []
    for name in names:
        found = find_owner(client, name)
        if isinstance(found, int):
            ids[found] = None
        else:
            unknown.append(found)
    return Owners(tuple(ids), tuple(unknown))


def find_owner(client: VkClient, name: str) -> int | Rejection:
    """The number of one owner, or why there is none."""
    screen_name = LINK.sub("", name.strip()).removeprefix("@").rstrip("/")
    if (owner_id := numeric_owner(screen_name)) is not None:
        return owner_id
    try:
        resolved = client.call(resolve_name(screen_name)).value
    except WALL_ERRORS as error:
        return Rejection(name, str(error))
    return resolved or Rejection(name, "no community and no person has this screen name")


def numeric_owner(name: str) -> int | None:
    """The owner of a name that says its number."""
    if NUMBER.match(name):
        return int(name)
    if plain := PLAIN_NAME.match(name):
        number = int(plain[2])
        return number if plain[1].lower() == "id" else -number
    return None
