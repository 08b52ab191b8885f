"""Posts of several files that have a ``post_id``, but not whose they are.

Posts are numbered wall by wall: post 1 of one file and post 1 of another one are two posts, unless
they say the same. Stored under the same key one would overwrite the other, night after night.
"""

import hashlib
from dataclasses import replace

import polars as pl

from vkflow.sources.source import REJECTED_SCHEMA, Chunk

NOBODY = 0
KEY = ("owner_id", "post_id")
PAYLOAD_CHARACTERS = 500


class Unowned:
    """What was seen of such posts in the files before: in which one last, and what they said."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, tuple[bytes, ...]]] = {}

    def apart(self, chunk: Chunk, file: str) -> Chunk:
        """The chunk without posts that another file has otherwise: these are rejected."""
        named = chunk.names.select(KEY)  # ids that were made of the content are no trouble
        posts = (
            chunk.posts.filter(pl.col("owner_id") == NOBODY)
            .join(named, on=KEY, how="anti")
            .unique(KEY, maintain_order=True)
        )
        if posts.is_empty():
            return chunk
        pictures = dict(
            chunk.pictures.filter(pl.col("owner_id") == NOBODY)
            .select("post_id", "content")
            .iter_rows()
        )
        others: list[tuple[int, str, str]] = []
        for post_id, text in posts.select("post_id", "text").iter_rows():
            content = (text or "").encode() + b"\0" + (pictures.get(post_id) or b"")
            digest = hashlib.blake2b(content, digest_size=16).digest()
            first, known = self._seen.get(post_id, (file, ()))
            if first != file and digest not in known:
                others.append((post_id, first, text or ""))
            else:
                edits = known if digest in known else (*known, digest)
                self._seen[post_id] = (file, edits)
        return _without(chunk, others, file) if others else chunk


def _without(chunk: Chunk, others: list[tuple[int, str, str]], file: str) -> Chunk:
    rows = [
        (
            f"{file} row of post {post_id}",
            f"{first} has another post {post_id}, and neither says whose it is: add owner_id",
            text[:PAYLOAD_CHARACTERS],
        )
        for post_id, first, text in others
    ]
    keys = pl.DataFrame(
        [(NOBODY, post_id) for post_id, _, _ in others],
        schema=dict.fromkeys(KEY, pl.Int64),
        orient="row",
    )
    rejected = pl.DataFrame(rows, schema=dict(REJECTED_SCHEMA), orient="row")
    return replace(
        chunk,
        posts=chunk.posts.join(keys, on=KEY, how="anti", maintain_order="left"),
        snapshots=chunk.snapshots.join(keys, on=KEY, how="anti", maintain_order="left"),
        pictures=chunk.pictures.join(keys, on=KEY, how="anti", maintain_order="left"),
        rejected=pl.concat([chunk.rejected, rejected]),
    )
