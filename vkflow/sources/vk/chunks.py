"""From posts to the frames of a chunk."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import polars as pl

from vkflow.sources.source import (
    KEYS_SCHEMA,
    PICTURES_SCHEMA,
    POSTS_SCHEMA,
    SNAPSHOT_COUNTS,
    SNAPSHOTS_SCHEMA,
    Chunk,
)
from vkflow.sources.vk.posts import Post
from vkflow.sources.vk.reach import PostReach
from vkflow.sources.vk.rejections import Rejection, rejected_frame
from vkflow.sources.vk.wall import SeenPost


def make_chunk(
    posts: Sequence[Post] = (),
    snapshots: Sequence[SeenPost] = (),
    reach: Mapping[int, PostReach] | None = None,
    pictures: Mapping[int, bytes] | None = None,
    rejections: Sequence[Rejection] = (),
    mended: Sequence[str] = (),
) -> Chunk:
    """A chunk of one wall.

    Args:
        posts: new or changed.
        snapshots: posts whose counts were read, and when.
        reach: statistics by post id, where there are any.
        pictures: files by post id.
        rejections: what was left out.
        mended: keys of earlier rejections that are void.
    """
    statistics, files = reach or {}, pictures or {}
    return Chunk(
        posts=pl.DataFrame([_post(post) for post in posts], schema=dict(POSTS_SCHEMA)),
        snapshots=pl.DataFrame(
            [_snapshot(seen, statistics.get(seen.post.post_id)) for seen in snapshots],
            schema=dict(SNAPSHOTS_SCHEMA),
        ),
        pictures=pl.DataFrame(
            [_picture(post, files[post.post_id]) for post in posts if post.post_id in files],
            schema=dict(PICTURES_SCHEMA),
        ),
        # The picture it had stays: this one did not come.
        keeps_picture=pl.DataFrame(
            [
                (post.owner_id, post.post_id)
                for post in posts
                if post.picture_url and post.post_id not in files
            ],
            schema=dict(KEYS_SCHEMA),
            orient="row",
        ),
        rejected=rejected_frame(rejections),
        mended=tuple(mended),
    )


def _post(post: Post) -> dict[str, object]:
    return {
        "owner_id": post.owner_id,
        "post_id": post.post_id,
        "published_at": datetime.fromtimestamp(post.date, UTC),
        "text": post.text,
        "is_ad": post.is_ad,
    }


def _snapshot(seen: SeenPost, reach: PostReach | None) -> dict[str, object]:
    """Counts VK does not tell (expands, opened photos and posts) stay unknown."""
    return {
        "owner_id": seen.post.owner_id,
        "post_id": seen.post.post_id,
        "observed_at": seen.asked_at,
        **dict.fromkeys(SNAPSHOT_COUNTS),
        **seen.post.counts,
        "reposts_with_messages": seen.post.counts_messages,
        "reach": reach.reach_total if reach else None,
        "hides": reach.hide if reach else None,
    }


def _picture(post: Post, content: bytes) -> dict[str, object]:
    return {"owner_id": post.owner_id, "post_id": post.post_id, "content": content}
