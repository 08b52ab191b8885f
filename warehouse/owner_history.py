"""What was known of its owner when a post was published.

A snapshot counts from the moment it was both mature and observed; later ones of the same post
correct it, so that the running sums are always those of the latest mature snapshots. A window is
a running sum now less the running sum then, found by as-of joins: sorting is all the work, however
long a window is. Polars does it ten times as fast as the same in SQL, and in less memory.
"""

from collections.abc import Sequence
from datetime import timedelta

import duckdb
import polars as pl

from warehouse.schema import query

RECENT = timedelta(days=30)
SUM = "^.*_(count|exposures)$"
SECONDS_A_DAY = 86_400
HABITS = ("log_length", "has_image")


def read_owner_history(
    connection: duckdb.DuckDBPyConnection, owners: Sequence[int]
) -> pl.DataFrame:
    """What was known at the publication of every dated post of some owners.

    Args:
        connection: the open warehouse; it sees what was known at its ``as_of``.
        owners: their ids.

    Returns:
        One row per dated post: owner_id, post_id; posts_count, views_count and, by activity,
        _count and _exposures of all that was known, Float64; the same behind ``recent_`` for what
        became known in the last 30 days; posts_Nd_count, the owner's posts, and views_Nd_count,
        views that became known, in the last N days; days_since_last_post, mean_log_length and
        mean_has_image of the posts before, Float64 or null.
    """
    posts, running = _read(connection, owners)
    return _history(posts, posts, running, posts.select(*_habits()))


def read_history_at(connection: duckdb.DuckDBPyConnection, asked: pl.DataFrame) -> pl.DataFrame:
    """What is known of owners at moments at which they publish nothing that is stored.

    A post published at that very moment is not yet known, and one asked row says nothing of
    another: twenty drafts of one wall are no twenty posts.

    Args:
        connection: the open warehouse; it sees what was known at its ``as_of``.
        asked: owner_id, post_id (any number), published_at: the moment.

    Returns:
        The columns of :func:`read_owner_history`, one row for each asked one.
    """
    asked = asked.select("owner_id", "post_id", "published_at").sort("owner_id", "published_at")
    posts, running = _read(connection, asked["owner_id"].unique().to_list())
    return _history(asked, posts, running, _habits_at(asked, posts))


def _read(
    connection: duckdb.DuckDBPyConnection, owners: Sequence[int]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The dated posts of owners, and the running sums of their known counts."""
    parameters = {"owners": list(owners)}
    counted = connection.execute(query("known_counts"), parameters).pl()
    posts = connection.execute(query("dated_posts"), parameters).pl()
    return posts, _running_sums(counted)


def _history(
    asked: pl.DataFrame, posts: pl.DataFrame, running: pl.DataFrame, habits: pl.DataFrame
) -> pl.DataFrame:
    known = _known(asked, running)
    recent = known - _known_before(asked, running, RECENT)
    return pl.concat(
        [
            asked.select("owner_id", "post_id"),
            known,
            recent.rename(lambda name: f"recent_{name}"),
            *_other_windows(asked, posts, running, known["views_count"]),
            habits,
        ],
        how="horizontal",
    )


def _running_sums(counted: pl.DataFrame) -> pl.DataFrame:
    """Sums over the latest known snapshots of an owner, after every change of one of them.

    Of changes at the same moment the last row has the sums after all of them, and is the one an
    as-of join finds.
    """
    is_correction = pl.struct("owner_id", "post_id") == pl.struct("owner_id", "post_id").shift()
    before = pl.when(is_correction).then(pl.col(SUM).shift()).otherwise(0)
    changes = counted.with_columns((pl.col(SUM) - before).cast(pl.Float64))
    return (
        changes.drop("post_id")
        # In the same order every time, or the last bits of the sums would differ.
        .sort("owner_id", "moment", maintain_order=True)
        .with_columns(pl.col(SUM).cum_sum().over("owner_id"))
    )


def _known(posts: pl.DataFrame, running: pl.DataFrame) -> pl.DataFrame:
    """Running sums at the publication of each post."""
    return _joined(posts, running, timedelta(), allow_exact_matches=True)


def _known_before(posts: pl.DataFrame, running: pl.DataFrame, ago: timedelta) -> pl.DataFrame:
    """Running sums just before the moment that was so long before the publication of each post."""
    return _joined(posts, running, ago, allow_exact_matches=False)


def _joined(
    posts: pl.DataFrame, running: pl.DataFrame, ago: timedelta, *, allow_exact_matches: bool
) -> pl.DataFrame:
    found = posts.select("owner_id", moment=pl.col("published_at") - ago).join_asof(
        running,
        on="moment",
        by="owner_id",
        allow_exact_matches=allow_exact_matches,
        check_sortedness=False,
    )
    return found.select(pl.col(SUM).fill_null(0))


def _other_windows(
    asked: pl.DataFrame, posts: pl.DataFrame, running: pl.DataFrame, views: pl.Series
) -> list[pl.DataFrame]:
    views_running = running.select("owner_id", "moment", "views_count")
    published = (
        posts.group_by("owner_id", moment="published_at")
        .agg(pl.len().cast(pl.Int64).alias("posts_count"))
        .sort("owner_id", "moment")
        .with_columns(pl.col("posts_count").cum_sum().over("owner_id"))
    )
    earlier = _known_before(asked, published, timedelta())["posts_count"]
    windows = []
    for days in (7, 90):
        then = _known_before(asked, views_running, timedelta(days=days))["views_count"]
        windows.append((views - then).alias(f"views_{days}d_count"))
    for days in (7, 30, 90):
        then = _known_before(asked, published, timedelta(days=days))["posts_count"]
        windows.append((earlier - then).alias(f"posts_{days}d_count"))
    return [pl.DataFrame(windows)]


def _habits() -> list[pl.Expr]:
    """What an owner used to do, from its earlier posts."""
    elapsed = (pl.col("published_at") - pl.col("published_at").shift()).over("owner_id")
    n_before = pl.int_range(pl.len()).over("owner_id")
    return [
        _in_days(elapsed).alias("days_since_last_post"),
        *(
            (pl.col(name).cum_sum().shift().over("owner_id") / n_before).alias(f"mean_{name}")
            for name in HABITS
        ),
    ]


def _habits_at(asked: pl.DataFrame, posts: pl.DataFrame) -> pl.DataFrame:
    """The same at moments between posts, or at that of one, which is not known yet."""
    so_far = posts.select(
        "owner_id",
        moment="published_at",
        last="published_at",
        n_before=pl.int_range(1, pl.len() + 1).over("owner_id"),
        **{name: pl.col(name).cum_sum().over("owner_id") for name in HABITS},
    )
    found = asked.select("owner_id", moment="published_at").join_asof(
        so_far, on="moment", by="owner_id", allow_exact_matches=False, check_sortedness=False
    )
    return found.select(
        _in_days(pl.col("moment") - pl.col("last")).alias("days_since_last_post"),
        *((pl.col(name) / pl.col("n_before")).alias(f"mean_{name}") for name in HABITS),
    )


def _in_days(elapsed: pl.Expr) -> pl.Expr:
    return elapsed.dt.total_microseconds() // 1_000_000 / SECONDS_A_DAY
