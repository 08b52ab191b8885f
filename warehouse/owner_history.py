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
SUM = "^.*_(count|chances)$"
SECONDS_A_DAY = 86_400


def read_owner_history(
    connection: duckdb.DuckDBPyConnection, owners: Sequence[int]
) -> pl.DataFrame:
    """What was known at the publication of every dated post of some owners.

    Args:
        connection: the open warehouse; it sees what was known at its ``as_of``.
        owners: their ids.

    Returns:
        One row per dated post: owner_id, post_id; posts_count, views_count and, by activity,
        _count and _chances of all that was known, Float64; the same behind ``recent_`` for what
        became known in the last 30 days; posts_Nd_count, the owner's posts, and views_Nd_count,
        views that became known, in the last N days; days_since_last_post, mean_log_length and
        mean_has_image of the posts before, Float64 or null.
    """
    parameters = {"owners": list(owners)}
    counted = connection.execute(query("known_counts"), parameters).pl()
    posts = connection.execute(query("dated_posts"), parameters).pl()
    running = _running_sums(counted)
    known = _known(posts, running)
    recent = known - _known_before(posts, running, RECENT)
    return pl.concat(
        [
            posts.select("owner_id", "post_id"),
            known,
            recent.rename(lambda name: f"recent_{name}"),
            *_other_windows(posts, running, known["views_count"]),
            posts.select(*_habits()),
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
    posts: pl.DataFrame, running: pl.DataFrame, views: pl.Series
) -> list[pl.DataFrame]:
    views_running = running.select("owner_id", "moment", "views_count")
    published = (
        posts.group_by("owner_id", moment="published_at")
        .agg(pl.len().cast(pl.Int64).alias("posts_count"))
        .sort("owner_id", "moment")
        .with_columns(pl.col("posts_count").cum_sum().over("owner_id"))
    )
    earlier = _known_before(posts, published, timedelta())["posts_count"]
    windows = []
    for days in (7, 90):
        then = _known_before(posts, views_running, timedelta(days=days))["views_count"]
        windows.append((views - then).alias(f"views_{days}d_count"))
    for days in (7, 30, 90):
        then = _known_before(posts, published, timedelta(days=days))["posts_count"]
        windows.append((earlier - then).alias(f"posts_{days}d_count"))
    return [pl.DataFrame(windows)]


def _habits() -> list[pl.Expr]:
    """What an owner used to do, from its earlier posts."""
    elapsed = (pl.col("published_at") - pl.col("published_at").shift()).over("owner_id")
    n_before = pl.int_range(pl.len()).over("owner_id")
    means = {
        f"mean_{name}": (pl.col(name).cum_sum().over("owner_id") - pl.col(name)) / n_before
        for name in ("log_length", "has_image")
    }
    return [
        (elapsed.dt.total_microseconds() // 1_000_000 / SECONDS_A_DAY).alias(
            "days_since_last_post"
        ),
        *(pl.when(n_before > 0).then(mean).alias(name) for name, mean in means.items()),
    ]
