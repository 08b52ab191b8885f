"""Reach and hides of posts, for the communities whose statistics the token may see."""

import logging
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from vkflow.sources.vk.answers import payload
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import (
    OwnerError,
    SpentError,
    TooLargeError,
    UnavailableError,
    VkTokenError,
)
from vkflow.sources.vk.methods import POSTS_IN_REACH, post_reach
from vkflow.sources.vk.posts import WholeNumber, item_key
from vkflow.sources.vk.rejections import Rejection

logger = logging.getLogger(__name__)

METHOD_REFUSED = (8, 23, 27, 28)
OWNER_REFUSED = 100
"""VK's answer for communities too small to have statistics, and posts too old."""


class PostReach(BaseModel):
    """A row of ``stats.getPostReach``."""

    model_config = ConfigDict(strict=True, frozen=True)

    post_id: WholeNumber
    reach_total: WholeNumber | None = None
    hide: WholeNumber | None = None


class ReachReader:
    """Asks for statistics as long as VK gives them; that it does not is no fault of a post."""

    def __init__(self, client: VkClient) -> None:
        self._client = client
        self._is_refused = False
        self._refused_owners: set[int] = set()

    def read(
        self, owner_id: int, post_ids: Sequence[int]
    ) -> tuple[dict[int, PostReach], list[Rejection]]:
        """Reach and hides by post id, and rows that could not be understood."""
        rows: dict[int, PostReach] = {}
        rejections: list[Rejection] = []
        for start in range(0, len(post_ids), POSTS_IN_REACH):
            for item in self._ask(owner_id, post_ids[start : start + POSTS_IN_REACH]):
                try:
                    row = PostReach.model_validate(item)
                    rows[row.post_id] = row
                except ValidationError:
                    reason = "a row of stats.getPostReach is malformed"
                    key = f"{item_key(item, owner_id)} reach"
                    rejections.append(Rejection(key, reason, payload(item)))
        return rows, rejections

    def _ask(self, owner_id: int, post_ids: Sequence[int]) -> list[object]:
        if owner_id > 0 or self._is_refused or owner_id in self._refused_owners:
            return []
        try:
            return self._client.call(post_reach(owner_id, post_ids)).value
        except VkTokenError as error:
            if error.code not in (*METHOD_REFUSED, OWNER_REFUSED):
                raise
            self._is_refused = error.code in METHOD_REFUSED
            problem: Exception = error
        except (OwnerError, SpentError, TooLargeError, UnavailableError) as error:
            problem = error
        self._refused_owners.add(owner_id)
        logger.info("no reach and hides of owner %d: %s", owner_id, problem)
        return []
