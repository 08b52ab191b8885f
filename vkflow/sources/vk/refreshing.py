"""Reading the counts of young posts again, when they reach certain ages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vkflow.sources.vk.calls import Answer
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import WALL_ERRORS, TooLargeError, WallError
from vkflow.sources.vk.methods import POSTS_BY_ID, posts_by_id
from vkflow.sources.vk.packing import CALLS_IN_EXECUTE, Packed
from vkflow.sources.vk.posts import Post, read_post
from vkflow.sources.vk.progress import Progress, YoungPost, ages_passed
from vkflow.sources.vk.rejections import Rejection
from vkflow.sources.vk.wall import SeenPost


@dataclass(frozen=True)
class Batch:
    """Posts of one wall that are due, at most as many as one request takes."""

    owner_id: int
    posts: tuple[YoungPost, ...]


@dataclass
class Refreshed:
    """What VK says of a batch now.

    Attributes:
        posts: by post id.
        rejections: posts that are gone or cannot be understood.
        problem: why the batch could not be read to its end.
    """

    posts: dict[int, SeenPost] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    problem: WallError | None = None


def due_batches(
    progress: Progress, owner_ids: Sequence[int], as_of: datetime, ages_days: Sequence[int]
) -> list[Batch]:
    """Posts that have reached a further age since their counts were read, the newest first.

    Those that have reached the last one are there for the sake of their picture alone.
    """
    batches = []
    for owner_id in owner_ids:
        due = [
            post
            for post in progress.of(owner_id).young
            if post.ages_done >= len(ages_days)
            or ages_passed(post.date, as_of, ages_days) > post.ages_done
        ]
        due.sort(key=lambda post: (post.date, post.post_id), reverse=True)
        for start in range(0, len(due), POSTS_BY_ID):
            batches.append(Batch(owner_id, tuple(due[start : start + POSTS_BY_ID])))
    return batches


def refresh(client: VkClient, batches: Sequence[Batch]) -> Iterator[tuple[Batch, Refreshed]]:
    """Ask VK about the batches, many in one request where the token may."""
    for start in range(0, len(batches), CALLS_IN_EXECUTE):
        some = batches[start : start + CALLS_IN_EXECUTE]
        answers = client.pack([posts_by_id(batch.owner_id, _ids(batch.posts)) for batch in some])
        for batch, answer in zip(some, answers, strict=True):
            refreshed = Refreshed()
            try:
                _read(client, batch.owner_id, batch.posts, answer, refreshed)
            except WALL_ERRORS as error:
                refreshed.problem = error
            yield batch, refreshed


def _read(
    client: VkClient,
    owner_id: int,
    posts: Sequence[YoungPost],
    answer: Packed[list[Any]],
    into: Refreshed,
) -> None:
    if isinstance(answer, WALL_ERRORS):
        raise answer
    if answer is None:
        try:
            answer = client.call(posts_by_id(owner_id, _ids(posts)))
        except TooLargeError:
            if len(posts) == 1:
                raise
            half = len(posts) // 2
            _read(client, owner_id, posts[:half], None, into)
            _read(client, owner_id, posts[half:], None, into)
            return
    _sort(owner_id, _ids(posts), answer, into)


def _sort(
    owner_id: int, post_ids: Sequence[int], answer: Answer[list[Any]], into: Refreshed
) -> None:
    """Posts that were asked for, and what else there is to say."""
    asked = set(post_ids)
    named = set()
    for item in answer.value:
        read = read_post(item, owner_id)
        if isinstance(read, Rejection):
            into.rejections.append(read)
            named.add(read.key)
        elif read.post_id in asked:
            into.posts[read.post_id] = SeenPost(read, answer.asked_at)
    for post_id in post_ids:
        key = f"{owner_id}_{post_id}"
        if post_id not in into.posts and key not in named:
            into.rejections.append(Rejection(key, "VK no longer shows this post"))


def _ids(posts: Sequence[YoungPost]) -> list[int]:
    return [post.post_id for post in posts]


def is_changed(young: YoungPost, post: Post) -> bool:
    """Whether a post must be stored again: it was edited, or its picture is still missing."""
    return post.edited != young.edited or young.lacks_picture
