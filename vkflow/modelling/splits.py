"""Train | validation | test, by publication time, with a gap; by a hash without dates."""

import hashlib
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST, GAP = "train", "validation", "test", "gap"


def split_posts(
    posts: pl.DataFrame, *, gap: timedelta, validation_share: float, test_share: float
) -> pl.Series:
    """Give each post its split.

    Dated posts are cut by time: the newest ``test_share`` is the test, the newest
    ``validation_share`` of the rest the validation. Posts published less than ``gap`` before
    either begins belong to no split, since their labels were not known when it began. Undated
    posts are cut by a hash of their key, which stays the same from night to night.

    Args:
        posts: owner_id, post_id, published_at (UTC, may be null).
        gap: the label maturity.
        validation_share: of the posts before the test.
        test_share: of all posts.

    Returns:
        ``train``, ``validation``, ``test`` or ``gap`` for each row.
    """
    by_key = _split_by_key(posts, validation_share, test_share)
    dated = posts["published_at"].drop_nulls().sort()
    if dated.is_empty():
        return by_key
    test_from = _newest(dated, test_share)
    before_test = dated.filter(dated < test_from - gap)
    validation_from = (
        test_from if before_test.is_empty() else _newest(before_test, validation_share)
    )
    time = pl.col("published_at")
    split = (
        pl.when(time.is_null())
        .then(by_key)
        .when(time >= test_from)
        .then(pl.lit(TEST))
        .when(time >= test_from - gap)
        .then(pl.lit(GAP))
        .when(time >= validation_from)
        .then(pl.lit(VALIDATION))
        .when(time >= validation_from - gap)
        .then(pl.lit(GAP))
        .otherwise(pl.lit(TRAIN))
    )
    return posts.select(split.alias("split"))["split"]


def _newest(times: pl.Series, share: float) -> datetime:
    """The moment at which the newest ``share`` of sorted ``times`` begins."""
    moment: datetime = times[int(len(times) * (1 - share))]
    return moment


def hashed_places(posts: pl.DataFrame, salt: bytes = b"fold") -> NDArray[np.float64]:
    """A number in [0, 1) for each post, the same in every night, float64, shape (posts,).

    Args:
        posts: owner_id, post_id.
        salt: other salts give numbers that have nothing to do with these.
    """
    keys = posts.select(pl.format("{}_{}", "owner_id", "post_id").alias("key"))["key"]
    digests = (hashlib.blake2b(key.encode(), digest_size=8, salt=salt).digest() for key in keys)
    return np.fromiter((int.from_bytes(digest) for digest in digests), dtype=np.uint64) / 2.0**64


def _split_by_key(posts: pl.DataFrame, validation_share: float, test_share: float) -> pl.Series:
    place = hashed_places(posts, salt=b"")
    frame = pl.DataFrame({"place": place})
    validation_until = test_share + (1 - test_share) * validation_share
    return frame.select(
        pl.when(pl.col("place") < test_share)
        .then(pl.lit(TEST))
        .when(pl.col("place") < validation_until)
        .then(pl.lit(VALIDATION))
        .otherwise(pl.lit(TRAIN))
        .alias("split")
    )["split"]
