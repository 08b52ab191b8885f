"""The one interface of all sources: chunks of posts, snapshots and pictures."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import polars as pl

from vkflow.activities import COUNT_COLUMNS

TIME = pl.Datetime("us", "UTC")
SNAPSHOT_COUNTS = ("views", "reach", *COUNT_COLUMNS)

POSTS_SCHEMA: Mapping[str, pl.DataType] = {
    "owner_id": pl.Int64(),
    "post_id": pl.Int64(),
    "published_at": TIME,
    "observed_at": TIME,
    "text": pl.String(),
    "is_ad": pl.Boolean(),
}
SNAPSHOTS_SCHEMA: Mapping[str, pl.DataType] = {
    "owner_id": pl.Int64(),
    "post_id": pl.Int64(),
    "observed_at": TIME,
    **{name: pl.Int64() for name in SNAPSHOT_COUNTS},
    "reposts_with_messages": pl.Boolean(),
}
OWNERS_SCHEMA: Mapping[str, pl.DataType] = {
    "owner_id": pl.Int64(),
    "name": pl.String(),
    "screen_name": pl.String(),
    "members": pl.Int64(),
    "address": pl.String(),
}
PICTURES_SCHEMA: Mapping[str, pl.DataType] = {
    "owner_id": pl.Int64(),
    "post_id": pl.Int64(),
    "content": pl.Binary(),
}
REJECTED_SCHEMA: Mapping[str, pl.DataType] = {
    "key": pl.String(),
    "reason": pl.String(),
    "payload": pl.String(),
}
KEYS_SCHEMA: Mapping[str, pl.DataType] = {"owner_id": pl.Int64(), "post_id": pl.Int64()}
NAMES_SCHEMA: Mapping[str, pl.DataType] = {
    "owner_id": pl.Int64(),
    "post_id": pl.Int64(),
    "name": pl.String(),
}


def no_rows(schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """An empty frame of a schema."""
    return pl.DataFrame(schema=dict(schema))


@dataclass(frozen=True)
class Chunk:
    """Some of what a source has, typed but not yet checked.

    Attributes:
        posts: ``POSTS_SCHEMA``; what each post says, in a row for each time it was seen to say so;
            no ``observed_at``: now. What else it says is in another chunk.
        snapshots: ``SNAPSHOTS_SCHEMA``; no ``observed_at``: observed now, if it differs.
        pictures: ``PICTURES_SCHEMA``; the bytes as they came, at most one a post.
        rejected: ``REJECTED_SCHEMA``: rows that do not even have the right types.
        watermark: how far the source is read once this chunk is stored; ``None``: unchanged.
        mended: keys of rows rejected on an earlier night that are fine now.
        read_at: when it was read, if a source tells the present state whatever the run's moment:
            what it observed until then does not lie in the future.
        names: ``NAMES_SCHEMA``: what to call posts whose ids the source made up, when they are
            rejected: a number made of its text leads nobody to a row.
        reread: how keys of earlier rejections begin that are void, because what they are about
            is read anew from this chunk on.
        keeps_picture: ``KEYS_SCHEMA``: posts whose picture did not come this time; one that is
            stored stays.
        seen: rows and posts that came; ``None``: as many as posts and rejected rows.
        owners: ``OWNERS_SCHEMA``: who they are as of now; none where a source does not say.
    """

    posts: pl.DataFrame = field(default_factory=lambda: no_rows(POSTS_SCHEMA))
    snapshots: pl.DataFrame = field(default_factory=lambda: no_rows(SNAPSHOTS_SCHEMA))
    pictures: pl.DataFrame = field(default_factory=lambda: no_rows(PICTURES_SCHEMA))
    rejected: pl.DataFrame = field(default_factory=lambda: no_rows(REJECTED_SCHEMA))
    watermark: str | None = None
    mended: tuple[str, ...] = ()
    read_at: datetime | None = None
    names: pl.DataFrame = field(default_factory=lambda: no_rows(NAMES_SCHEMA))
    reread: str | None = None
    keeps_picture: pl.DataFrame = field(default_factory=lambda: no_rows(KEYS_SCHEMA))
    seen: int | None = None
    owners: pl.DataFrame = field(default_factory=lambda: no_rows(OWNERS_SCHEMA))


class Source(Protocol):
    """Reads posts from somewhere."""

    @property
    def name(self) -> str:
        """The name rows and watermarks carry in the warehouse."""

    def fetch(self, since: str | None, as_of: datetime) -> Iterator[Chunk]:
        """What is new after the watermark ``since`` and known at ``as_of``.

        Reading again what was stored already is allowed, and changes nothing.

        Raises:
            SourceError: the source cannot be read at all.
        """
