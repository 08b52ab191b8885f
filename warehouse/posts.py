"""Snapshots of posts, the watermark of each source and the quarantine."""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.reading import first_row
from warehouse.schema import query
from warehouse.writing import add_missing_rows, registered, replace_rows

KEY = ("owner_id", "post_id")
SNAPSHOT_KEY = (*KEY, "observed_at")


def write_snapshots(
    connection: duckdb.DuckDBPyConnection, snapshots: pl.DataFrame, *, seen_at: datetime
) -> int:
    """Store snapshots that are not there yet, or with other counts: the newest delivered count.

    A count that is unknown this time is no news: one that is known of the same time stays.
    A row without ``observed_at`` was observed at ``seen_at``; it is stored only when its counts
    differ from the latest ones of the post, so that reading a file again adds nothing.

    Args:
        connection: the open warehouse, inside a transaction.
        snapshots: owner_id, post_id, observed_at, counts and reposts_with_messages, unknown ones
            NULL; of the known counts of one time the last one counts.
        seen_at: the moment of this run.

    Returns:
        The number of snapshots added or corrected.
    """
    return add_snapshots(connection, fresh_snapshots(connection, snapshots, seen_at=seen_at))


def fresh_snapshots(
    connection: duckdb.DuckDBPyConnection, snapshots: pl.DataFrame, *, seen_at: datetime
) -> pl.DataFrame:
    """Those of ``snapshots`` that :func:`write_snapshots` would store, each with its time.

    The column ``is_correction`` says that the warehouse has other counts of that time, and
    ``is_conflict`` that one of them is given up, not only joined by others.
    """
    if snapshots.is_empty():
        return snapshots.with_columns(is_correction=pl.lit(True), is_conflict=pl.lit(False))
    with registered(connection, "incoming", _one_a_moment(snapshots)):
        return connection.execute(query("fresh_snapshots"), {"seen_at": seen_at}).pl()


def _one_a_moment(snapshots: pl.DataFrame) -> pl.DataFrame:
    """One row per post and time: of each count the last that is known."""
    if not snapshots.select(SNAPSHOT_KEY).is_duplicated().any():
        return snapshots
    reposts, kind = pl.col("reposts"), pl.col("reposts_with_messages")
    return snapshots.group_by(SNAPSHOT_KEY, maintain_order=True).agg(
        pl.exclude("reposts_with_messages").drop_nulls().last(),
        kind.filter(reposts == reposts.drop_nulls().last()).drop_nulls().last(),
    )


def add_snapshots(connection: duckdb.DuckDBPyConnection, fresh: pl.DataFrame) -> int:
    """Store the result of :func:`fresh_snapshots`; returns the number of rows."""
    rows = fresh.drop("is_correction", "is_conflict")
    corrections, new = rows.filter(fresh["is_correction"]), rows.filter(~fresh["is_correction"])
    corrected = replace_rows(connection, "snapshots", corrections, SNAPSHOT_KEY)
    return corrected + add_missing_rows(connection, "snapshots", new, SNAPSHOT_KEY)


def count_conflicts(snapshots: pl.DataFrame, fresh: pl.DataFrame) -> int:
    """How many counts were given up, of ``snapshots`` and of the warehouse, for newer ones.

    Args:
        snapshots: as they came.
        fresh: what :func:`fresh_snapshots` made of them.
    """
    dated = snapshots.filter(pl.col("observed_at").is_not_null())
    values = pl.exclude("reposts_with_messages").drop_nulls().n_unique()
    different = dated.group_by(SNAPSHOT_KEY).agg(values)
    rows = different.select(pl.max_horizontal(pl.exclude(SNAPSHOT_KEY), 1)).to_series()
    return int(fresh["is_conflict"].sum()) + int(rows.sum()) - len(rows)


def count_known(
    connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame, *, before: datetime
) -> int:
    """How many posts of ``rows`` (owner_id, post_id) no run has touched since a moment."""
    if rows.is_empty():
        return 0
    with registered(connection, "wanted", rows.select(*KEY).unique()):
        known = first_row(
            connection.execute(
                "SELECT count(*) FROM posts SEMI JOIN wanted USING (owner_id, post_id) "
                "WHERE updated_at < ?",
                [before],
            )
        )
    return int(known[0]) if known else 0


def keys_of_source(connection: duckdb.DuckDBPyConnection, source: str) -> pl.DataFrame:
    """owner_id and post_id of all posts that came from a source."""
    return connection.execute("SELECT owner_id, post_id FROM posts WHERE source = ?", [source]).pl()


def write_quarantine(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    rejected: pl.DataFrame,
    *,
    accepted_keys: pl.DataFrame,
    seen_at: datetime,
    reread: str | None = None,
) -> int:
    """Store rejected rows, and forget those that the source has mended since.

    Args:
        connection: the open warehouse, inside a transaction.
        source: name of the source.
        rejected: key, reason, payload (all text), one row per rejected row.
        accepted_keys: key, of the rows that were fine this time.
        seen_at: the moment of this run.
        reread: what keys of earlier complaints begin with that are void in any case.

    Returns:
        The number of rows rejected.
    """
    if reread is not None:
        connection.execute(
            "DELETE FROM quarantine WHERE source = ? AND starts_with(key, ?)", [source, reread]
        )
    with registered(connection, "accepted", accepted_keys):
        connection.execute(
            "DELETE FROM quarantine USING accepted "
            "WHERE quarantine.source = ? AND quarantine.key = accepted.key",
            [source],
        )
    rows = rejected.select(
        pl.lit(source).alias("source"),
        "key",
        "reason",
        "payload",
        pl.lit(seen_at).alias("seen_at"),
    )
    return replace_rows(connection, "quarantine", rows, ("source", "key", "reason"))


def read_watermark(connection: duckdb.DuckDBPyConnection, source: str) -> str | None:
    """How far ``source`` has been read, in its own terms; ``None`` before the first time."""
    row = first_row(connection.execute("SELECT value FROM watermarks WHERE source = ?", [source]))
    return None if row is None else str(row[0])


def write_watermark(connection: duckdb.DuckDBPyConnection, source: str, value: str) -> None:
    """Remember how far ``source`` has been read. Call it in the transaction of its rows."""
    connection.execute("DELETE FROM watermarks WHERE source = ?", [source])
    connection.execute("INSERT INTO watermarks VALUES (?, ?)", [source, value])
