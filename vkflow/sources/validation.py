"""Every incoming row is checked; a bad one is rejected with a reason, never dropped."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from vkflow.activities import COUNT_COLUMNS
from vkflow.sources.source import REJECTED_SCHEMA, SNAPSHOT_COUNTS, Chunk

FIRST_DAY = datetime(2006, 10, 10, tzinfo=UTC)
"""VK was opened then; an earlier date is an error."""

MAX_COUNTED = 10**10
"""More than there are people: a larger count is an error, and sums of such would overflow."""

CLOCK_SKEW = timedelta(hours=1)
PAYLOAD_CHARACTERS = 500
POST_KEY = ("owner_id", "post_id")
STATISTICS = ("reach", "hides")


@dataclass(frozen=True)
class CheckedChunk:
    """A chunk whose rows all hold.

    Attributes:
        posts: ``POSTS_SCHEMA``.
        snapshots: ``SNAPSHOTS_SCHEMA``.
        pictures: ``PICTURES_SCHEMA``.
        rejected: ``REJECTED_SCHEMA``.
        accepted_keys: column ``key``: rows that held, so that earlier complaints are void.
        reread: how keys of earlier complaints begin that are void.
        seen: posts that came, and rows that were not even that.
    """

    posts: pl.DataFrame
    snapshots: pl.DataFrame
    pictures: pl.DataFrame
    rejected: pl.DataFrame
    accepted_keys: pl.DataFrame
    reread: str | None
    seen: int


def check_chunk(chunk: Chunk, *, as_of: datetime, max_characters: int) -> CheckedChunk:
    """Part a chunk into rows that hold and rows that do not.

    A rejected post takes its snapshots and picture with it; a rejected snapshot leaves its post,
    which is then scored like one whose outcome is not known. A single count that cannot be right
    is left out of its snapshot, and remarked under the key of the snapshot's counts. A moment at
    which a post cannot have been seen by now is left out of the post. One after that of a run of
    the past stays: crawls are told in their order, or the last would count as the first.

    Args:
        chunk: as a source yields it.
        as_of: the moment of this run; later dates lie in the future.
        max_characters: longer texts are rejected.
    """
    as_of = max(as_of, chunk.read_at or as_of)
    posts = chunk.posts.with_columns(
        pl.format("{}_{}", *POST_KEY).alias("key"),
        _first_reason(_post_rules(as_of, max_characters)),
    )
    bad_posts = _named(posts.filter(pl.col("reason").is_not_null()), chunk.names)
    snapshots = (
        chunk.snapshots.join(bad_posts, on=POST_KEY, how="anti", nulls_equal=True)
        .join(_published(posts), on=POST_KEY, how="left")
        .with_columns(
            pl.format("{}_{} counts", *POST_KEY).alias("key"), _first_reason(_count_rules(as_of))
        )
    )
    good_posts = posts.filter(pl.col("reason").is_null())
    good_snapshots = snapshots.filter(pl.col("reason").is_null())
    rejected = [chunk.rejected, _rejected(bad_posts), _rejected(snapshots)]
    for reason, (rule, left_out) in _odd_counts().items():
        rejected.append(_rejected(good_snapshots.filter(rule).with_columns(reason=pl.lit(reason))))
        good_snapshots = good_snapshots.with_columns(
            pl.when(rule).then(None).otherwise(pl.col(name)).alias(name) for name in left_out
        )
    is_possible = _first_reason(_time_rules(max(as_of, datetime.now(UTC)))).is_null()
    return CheckedChunk(
        posts=good_posts.with_columns(pl.when(is_possible).then("observed_at").name.keep()).select(
            chunk.posts.columns
        ),
        snapshots=good_snapshots.select(chunk.snapshots.columns),
        pictures=_without(chunk.pictures, bad_posts),
        rejected=pl.concat(rejected),
        accepted_keys=pl.concat(
            [
                good_posts.select("key"),
                good_snapshots.select("key"),
                pl.DataFrame({"key": chunk.mended}, schema={"key": pl.String}),
            ]
        ),
        reread=chunk.reread,
        seen=len(chunk.posts) + len(chunk.rejected) if chunk.seen is None else chunk.seen,
    )


def _published(posts: pl.DataFrame) -> pl.DataFrame:
    """The date of each post, which all of its rows tell."""
    return posts.select(*POST_KEY, "published_at").unique(POST_KEY)


def _without(pictures: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """The pictures of other posts; themselves where there are none: a join would copy them."""
    if posts.is_empty():
        return pictures
    return pictures.join(posts, on=POST_KEY, how="anti", nulls_equal=True)


def _named(posts: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Posts, each once, under the key the source gives them, else under their own."""
    posts = posts.unique(POST_KEY, maintain_order=True)
    named = posts.join(names, on=POST_KEY, how="left", maintain_order="left")
    return named.with_columns(pl.coalesce("name", "key").alias("key")).drop("name")


def _key_rules() -> dict[str, pl.Expr]:
    return {f"{name} is missing": pl.col(name).is_null() for name in POST_KEY}


def _post_rules(as_of: datetime, max_characters: int) -> dict[str, pl.Expr]:
    published = pl.col("published_at")
    return {
        **_key_rules(),
        "post_id is negative": pl.col("post_id") < 0,
        "text is missing": pl.col("text").is_null(),
        "the text contains NUL characters": pl.col("text").str.contains("\0", literal=True),
        f"the text is longer than {max_characters} characters": (
            pl.col("text").str.len_chars() > max_characters
        ),
        "published in the future": published > as_of + CLOCK_SKEW,
        "published before VK existed": published < FIRST_DAY,
    }


def _count_rules(as_of: datetime) -> dict[str, pl.Expr]:
    """What leaves no trust in any of the counts: their exposures, and the time they are of."""
    views = pl.col("views")
    return {
        **_key_rules(),
        "views is negative": views < 0,
        **{
            f"{name} is larger than {MAX_COUNTED}": pl.col(name) > MAX_COUNTED
            for name in ("views", "likes")
        },
        "more likes than views": pl.col("likes") > views,
        **_time_rules(as_of),
    }


def _time_rules(as_of: datetime) -> dict[str, pl.Expr]:
    """When nobody can have seen a post."""
    observed = pl.col("observed_at")
    return {
        "observed in the future": observed > as_of + CLOCK_SKEW,
        "observed before VK existed": observed < FIRST_DAY,
        "observed before it was published": observed < pl.col("published_at"),
    }


def _odd_counts() -> dict[str, tuple[pl.Expr, tuple[str, ...]]]:
    """By reason: what cannot be right of one count, and which columns are left out then.

    Reach and hides come together, in statistics of their own.
    """
    views = pl.col("views")
    rules: dict[str, tuple[pl.Expr, tuple[str, ...]]] = {}
    for name in SNAPSHOT_COUNTS:
        columns = STATISTICS if name in STATISTICS else (name,)
        rules[f"{name} is negative"] = (pl.col(name) < 0, columns)
        rules[f"{name} is larger than {MAX_COUNTED}"] = (pl.col(name) > MAX_COUNTED, columns)
        if name in COUNT_COLUMNS:
            most = pl.col("reach").fill_null(views) if name == "hides" else views
            rules[f"more {name.replace('_', ' ')} than views"] = (pl.col(name) > most, columns)
    return rules


def _first_reason(rules: dict[str, pl.Expr]) -> pl.Expr:
    broken = [pl.when(rule).then(pl.lit(reason)) for reason, rule in rules.items()]
    return pl.coalesce(*broken).alias("reason")


def _rejected(rows: pl.DataFrame) -> pl.DataFrame:
    payload = pl.struct(pl.all().exclude("key", "reason")).struct.json_encode()
    bad = rows.filter(pl.col("reason").is_not_null())
    return bad.select(
        pl.col("key").fill_null("unknown"),
        "reason",
        payload.str.replace_all("\0", "", literal=True)
        .str.slice(0, PAYLOAD_CHARACTERS)
        .alias("payload"),
    ).select(*REJECTED_SCHEMA)
