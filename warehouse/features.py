"""What is known of posts at publication, in chunks, for training and for scoring."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import duckdb
import polars as pl

from warehouse.memory import return_memory
from warehouse.owner_history import read_owner_history
from warehouse.reading import first_row
from warehouse.schema import query
from warehouse.writing import registered

POST = ("owner_id", "post_id")
POSTS_AT_ONCE = 50_000
"""Posts of the owners whose histories are computed together: each group reads all snapshots."""
READINGS, MAX_READ_POSTS = 10, 100_000
"""Each reading passes over all texts, statistics and hashes: of many posts it takes more chunks."""


def select_labelled_posts(
    connection: duckdb.DuckDBPyConnection, since: datetime, most: int | None = None
) -> int:
    """Select posts with a label published since then, or undated; returns their number.

    Args:
        connection: the open warehouse.
        since: the start of the window.
        most: how many; of more, a sample as dense at any time as all are.
    """
    return _select(connection, query("labelled_posts"), {"since": since, "most": most})


def newest_label(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """When the newest dated post with a label was published; ``None`` without any."""
    row = first_row(
        connection.execute(
            "SELECT max(published_at) FROM posts SEMI JOIN labels USING (owner_id, post_id)"
        )
    )
    return row[0] if row else None


def select_labelled_between(
    connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime
) -> int:
    """Select posts with a label published in [since, until); returns their number."""
    parameters = {"since": since, "until": until}
    return _select(connection, query("labelled_between"), parameters)


def select_published_between(
    connection: duckdb.DuckDBPyConnection, since: datetime, until: datetime
) -> int:
    """Select posts published in [since, until], labelled or not; returns their number."""
    parameters = {"since": since, "until": until}
    return _select(connection, query("published_between"), parameters)


def select_samples_between(
    connection: duckdb.DuckDBPyConnection,
    windows: Sequence[tuple[datetime, datetime]],
    limit: int,
) -> list[int]:
    """Select at most ``limit`` posts published in each window [since, until], one after another.

    Returns:
        How many posts were selected of each window, in their order.
    """
    parameters = {
        "since": [since for since, _ in windows],
        "until": [until for _, until in windows],
        "number": list(range(len(windows))),
        "limit": limit,
    }
    _select(connection, query("sampled_between"), parameters)
    counted = dict(
        connection.execute("SELECT number, count(*) FROM selected_posts GROUP BY number").fetchall()
    )
    return [int(counted.get(number, 0)) for number in range(len(windows))]


def select_unscored_posts(
    connection: duckdb.DuckDBPyConnection,
    model_version: str,
    since: datetime,
    until: datetime,
    *,
    rescore_known: bool = True,
) -> int:
    """Select posts of the window, or undated, that this bundle has not scored.

    Args:
        connection: the open warehouse.
        model_version: the bundle, or what stands in its place.
        since: the start of the window.
        until: its end.
        rescore_known: also those whose outcome is known and that an earlier bundle has scored.
    """
    parameters = {
        "model_version": model_version,
        "since": since,
        "until": until,
        "rescore_known": rescore_known,
    }
    return _select(connection, query("unscored_posts"), parameters)


def _select(connection: duckdb.DuckDBPyConnection, statement: str, parameters: object) -> int:
    connection.execute(f"CREATE OR REPLACE TEMP TABLE selected_posts AS {statement}", parameters)
    row = first_row(connection.execute("SELECT count(*) FROM selected_posts"))
    return int(row[0]) if row else 0


def _read_selected_history(connection: duckdb.DuckDBPyConnection) -> None:
    """What was known of the owners of the selected posts, as the table ``selected_history``.

    Some owners at a time: the memory it takes does not grow with the posts.
    """
    connection.execute("DROP TABLE IF EXISTS selected_history")
    parameters = {"posts": POSTS_AT_ONCE}
    for (owners,) in connection.execute(query("owners_of_selected"), parameters).fetchall():
        history = read_owner_history(connection, owners)
        renamed = history.rename(lambda name: name if name in POST else f"history_{name}")
        with registered(connection, "history", renamed):
            connection.execute(
                "CREATE TEMP TABLE IF NOT EXISTS selected_history AS FROM history LIMIT 0"
            )
            connection.execute(
                "INSERT INTO selected_history "
                "SELECT * FROM history SEMI JOIN selected_posts USING (owner_id, post_id)"
            )
        del history, renamed
        return_memory()


def selected_fingerprint(connection: duckdb.DuckDBPyConnection) -> str:
    """A digest of the selected posts and their labels: equal when nothing has changed."""
    row = first_row(connection.execute(query("selected_fingerprint")))
    if not row or not row[0]:
        return "0"
    return "-".join(f"{digest or 0:x}" for digest in row)


def read_selected_outcomes(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Labels of the selected posts: owner_id, post_id, activity, exposures, count."""
    return connection.execute(
        'SELECT owner_id, post_id, activity, exposures, "count" '
        "FROM outcomes SEMI JOIN selected_posts USING (owner_id, post_id)"
    ).pl()


def read_first_counts(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """First mature counts of the selected posts that have a date.

    Returns:
        owner_id, post_id, moment at which they became known; by activity _count and _exposures.
    """
    return connection.execute(query("first_counts")).pl()


def read_selected_texts(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """What the selected posts said when they were first seen: owner_id, post_id, text."""
    return connection.execute(
        "SELECT owner_id, post_id, text FROM first_contents "
        "SEMI JOIN selected_posts USING (owner_id, post_id)"
    ).pl()


def count_repost_kinds(connection: duckdb.DuckDBPyConnection) -> dict[bool | None, int]:
    """Selected posts by what their reposts are: true, those on walls and in messages together.

    ``None``: the source, or an earlier version, did not say.
    """
    return dict(connection.execute(query("repost_kinds")).fetchall())


def selected_features(
    connection: duckdb.DuckDBPyConnection,
    *,
    encoder_id: str,
    tagger_id: str,
    taxonomy: str,
    statistics_version: int,
    chunk_posts: int,
) -> Iterator[pl.DataFrame]:
    """Everything features are made of for the selected posts, oldest first.

    Args:
        connection: the open warehouse, after a ``select_…`` call.
        encoder_id: whose text vectors to read.
        tagger_id: whose picture vectors, scores and tags to read.
        taxonomy: whose categories to read.
        statistics_version: which text statistics to read.
        chunk_posts: rows in a frame, at most.

    Yields:
        Frames with the columns of ``queries/selected_features.sql``, one row per post.
    """
    row = first_row(connection.execute("SELECT count(*) FROM selected_posts"))
    total = int(row[0]) if row else 0
    if total:
        _read_selected_history(connection)
    read_posts = chunk_posts * max(1, min(total // READINGS, MAX_READ_POSTS) // chunk_posts)
    for start in range(0, total, read_posts):
        read = connection.execute(
            query("selected_features"),
            {
                "encoder_id": encoder_id,
                "tagger_id": tagger_id,
                "taxonomy": taxonomy,
                "statistics_version": statistics_version,
                "start": start,
                "stop": start + read_posts,
            },
        ).pl()
        yield from read.iter_slices(chunk_posts)
        del read
        return_memory()
