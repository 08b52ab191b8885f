"""Whose walls are read: from what a person writes to numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import WALL_ERRORS
from vkflow.sources.vk.methods import resolve_name
from vkflow.sources.vk.names import numeric_owner, screen_name
from vkflow.sources.vk.rejections import Rejection


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
    called = screen_name(name)
    if (owner_id := numeric_owner(called)) is not None:
        return owner_id
    try:
        resolved = client.call(resolve_name(called)).value
    except WALL_ERRORS as error:
        return Rejection(name, str(error))
    return resolved or Rejection(name, "no community and no person has this screen name")
