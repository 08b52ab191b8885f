"""What the token can do, and which walls it can read, found out by trying."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from vkflow.errors import SettingsError, SourceError
from vkflow.settings.sources import VkSettings
from vkflow.sources.vk.calls import Call, Timing
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import KINDS, WALL_ERRORS, VkTokenError
from vkflow.sources.vk.methods import post_reach, try_execute, wall_get
from vkflow.sources.vk.owners import find_owners
from vkflow.sources.vk.pacing import DailyBudget
from vkflow.sources.vk.posts import Post, read_post
from vkflow.sources.vk.tokens import token_of


@dataclass
class _Walls:
    readable: dict[int, Post | None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def check_access(settings: VkSettings, timing: Timing | None = None) -> str:
    """Try each method, and each wall, with the patience of a person who waits for the answer.

    Returns:
        What works, in a sentence.

    Raises:
        SettingsError: there is no token or no owner.
        SourceError: VK refuses the token, or a wall cannot be read; the message says which.
    """
    token_of(settings)
    if not settings.owners:
        raise SettingsError("no walls to read: set VKFLOW_VK__OWNERS to screen names or ids")
    timing = timing or Timing()
    budget = DailyBudget({}, lambda: datetime.now(UTC).date())
    impatient = settings.model_copy(update={"attempts": min(2, settings.attempts)})
    with VkClient(impatient, budget, timing) as client:
        walls = _look_at_walls(client, settings.owners)
        findings = [
            f"{len(walls.readable)} of {len(settings.owners)} walls can be read",
            f"packing with execute: {_tried(client, try_execute())}",
            f"reach and hides: {_reach(client, walls)}",
        ]
    if any(": no (" in finding for finding in findings):
        findings.append(KINDS)
    if walls.problems:
        raise SourceError("; ".join([*findings, *walls.problems]))
    return "; ".join(findings)


def _look_at_walls(client: VkClient, names: Sequence[str]) -> _Walls:
    owners = find_owners(client, names)
    walls = _Walls(problems=[f"{each.key}: {each.reason}" for each in owners.unknown])
    for owner_id in owners.ids:
        try:
            items = client.call(wall_get(owner_id, 0, 1)).value.items
        except WALL_ERRORS as error:
            walls.problems.append(f"{owner_id}: {error}")
        else:
            posts = [read_post(item, owner_id) for item in items]
            walls.readable[owner_id] = next(
                (post for post in posts if isinstance(post, Post)), None
            )
    return walls


def _reach(client: VkClient, walls: _Walls) -> str:
    """Communities differ: statistics are for those the token's user administers."""
    tried = {
        owner_id: _tried(client, post_reach(owner_id, [post.post_id]))
        for owner_id, post in walls.readable.items()
        if owner_id < 0 and post is not None
    }
    if not tried:
        return "not tried, no community with posts"
    able = [owner_id for owner_id, answer in tried.items() if answer == "yes"]
    return f"yes, of {len(able)} communities" if able else next(iter(tried.values()))


def _tried(client: VkClient, call: Call[Any]) -> str:
    try:
        client.call(call)
    except (VkTokenError, *WALL_ERRORS) as error:
        return f"no ({str(error).removesuffix('.').removesuffix(f'. {KINDS}')})"
    return "yes"
