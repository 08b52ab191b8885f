"""Reach and hides of posts, for the communities whose statistics the token may see."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, ValidationError

from vkflow.sources.vk.answers import payload
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import (
    PARAMETER,
    OwnerError,
    SpentError,
    TooLargeError,
    UnavailableError,
    VkTokenError,
)
from vkflow.sources.vk.methods import POSTS_IN_REACH, post_reach
from vkflow.sources.vk.posts import Post, WholeNumber
from vkflow.sources.vk.rejections import Rejection

logger = logging.getLogger(__name__)

EMPTY_BATCHES = 3
"""VK has statistics of the latest posts only, about 300: after so many batches it has nothing of,
those before them are not asked for."""


class PostReach(BaseModel):
    """A row of ``stats.getPostReach``."""

    model_config = ConfigDict(strict=True, frozen=True)

    post_id: WholeNumber
    reach_total: WholeNumber | None = None
    hide: WholeNumber | None = None


@dataclass
class ReachRead:
    """What VK says of the reach of an owner's posts.

    Attributes:
        rows: by post id.
        rejections: rows that could not be understood, by post id; 0: of no post.
    """

    rows: dict[int, PostReach] = field(default_factory=dict)
    rejections: dict[int, Rejection] = field(default_factory=dict)


class ReachReader:
    """Asks for statistics as long as VK gives them; that it does not is no fault of a post.

    Attributes:
        refused_owners: those VK gives the token no statistics of.
    """

    def __init__(self, client: VkClient) -> None:
        self._client = client
        self._is_refused = False
        self._failed_owners: set[int] = set()
        self.refused_owners: set[int] = set()

    def read(self, owner_id: int, posts: Sequence[Post]) -> ReachRead:
        """Reach and hides, the newest posts first: VK has none of old ones."""
        countable = [post for post in posts if post.post_id > 0]
        newest = sorted(countable, key=lambda post: post.position, reverse=True)
        read, empty = ReachRead(), 0
        for start in range(0, len(newest), POSTS_IN_REACH):
            batch = [post.post_id for post in newest[start : start + POSTS_IN_REACH]]
            rows = self._ask(owner_id, batch)
            empty = empty + 1 if rows is None else 0
            if empty == EMPTY_BATCHES or owner_id in self._failed_owners or self._is_refused:
                break
            self._sort(owner_id, batch, rows or [], read)
        return read

    def _sort(
        self, owner_id: int, batch: Sequence[int], rows: Sequence[object], into: ReachRead
    ) -> None:
        for item in rows:
            try:
                row = PostReach.model_validate(item)
            except ValidationError:
                post_id = item.get("post_id") if isinstance(item, dict) else None
                known = post_id if isinstance(post_id, int) and post_id in batch else 0
                key = f"{owner_id}_{known} reach" if known else f"{owner_id} reach"
                reason = "a row of stats.getPostReach is malformed"
                into.rejections[known] = Rejection(key, reason, payload(item))
            else:
                if row.post_id in batch:
                    into.rows[row.post_id] = row

    def _ask(self, owner_id: int, post_ids: Sequence[int]) -> list[object] | None:
        """Rows; ``None``: VK has nothing of these posts."""
        if owner_id > 0 or self._is_refused or owner_id in self._failed_owners:
            return []
        try:
            return self._client.call(post_reach(owner_id, post_ids)).value
        except VkTokenError as error:
            if not error.is_of_method:
                raise
            self._is_refused = True
            problem: Exception = error
        except OwnerError as error:
            if error.code == PARAMETER:
                return None
            self.refused_owners.add(owner_id)
            problem = error
        except (SpentError, TooLargeError, UnavailableError) as error:
            problem = error
        self._failed_owners.add(owner_id)
        logger.info("no reach and hides of owner %d: %s", owner_id, problem)
        return []
