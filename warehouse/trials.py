"""Trials: what was drawn when they began, the posts that came, and what was found at the end."""

from collections.abc import Mapping
from datetime import UTC, datetime

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.reading import first_row
from warehouse.schema import query
from warehouse.writing import registered

RUNNING = "running"
STOPPED = "stopped"
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""The moment that sees all trials as they stand in the table."""


def write_trial(
    connection: duckdb.DuckDBPyConnection, trial: Mapping[str, object], units: pl.DataFrame
) -> int:
    """Store a trial that begins, and its schedule, which no function changes.

    Args:
        connection: the open warehouse.
        trial: what is known at the start, by columns of ``trials`` but for ``trial_id``.
        units: number, block, day, arm.

    Returns:
        Its id: one more than that of the last trial.
    """
    with transaction(connection):
        row = first_row(connection.execute("SELECT coalesce(max(trial_id), 0) + 1 FROM trials"))
        trial_id = int(row[0]) if row else 1
        frame = pl.DataFrame([{"trial_id": trial_id, "n_posts": 0, "n_followed": 0, **trial}])
        _insert(connection, "trials", frame)
        _insert(connection, "trial_units", _of_trial(units, trial_id))
    return trial_id


def read_trials(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> pl.DataFrame:
    """Trials that had begun by a moment as they stood then: the columns of ``trials_as_of.sql``."""
    return connection.execute(query("trials_as_of"), {"as_of": as_of}).pl()


def read_units(connection: duckdb.DuckDBPyConnection, trial_id: int) -> pl.DataFrame:
    """The schedule of a trial: number, block, day, arm."""
    return connection.execute(
        "SELECT * EXCLUDE (trial_id) FROM trial_units WHERE trial_id = ? ORDER BY number",
        [trial_id],
    ).pl()


def read_posts_of_trial(connection: duckdb.DuckDBPyConnection, trial_id: int) -> pl.DataFrame:
    """The posts of a trial as of the last night: the columns of ``trial_outcomes``."""
    return connection.execute(
        "FROM trial_outcomes WHERE trial_id = ? ORDER BY number, published_at", [trial_id]
    ).pl()


def read_wall(
    connection: duckdb.DuckDBPyConnection,
    owner_id: int,
    activity: str,
    *,
    since: datetime,
    until: datetime,
) -> pl.DataFrame:
    """Posts of a wall since a trial began: the columns of ``trial_wall.sql``.

    Args:
        connection: the open warehouse; outcomes are those known at its ``as_of``.
        owner_id: whose.
        activity: of the outcomes.
        since: posts of this moment are left out.
        until: later posts are, too.
    """
    parameters = {"owner_id": owner_id, "activity": activity, "since": since, "until": until}
    return connection.execute(query("trial_wall"), parameters).pl()


def read_history(
    connection: duckdb.DuckDBPyConnection,
    owner_id: int,
    activity: str,
    *,
    until: datetime,
    limit: int,
) -> pl.DataFrame:
    """What a wall's last posts got: published_at, count, exposures, oldest first."""
    parameters = {"owner_id": owner_id, "activity": activity, "until": until, "limit": limit}
    return connection.execute(query("trial_history"), parameters).pl()


def write_posts_of_trial(
    connection: duckdb.DuckDBPyConnection, trial_id: int, posts: pl.DataFrame, *, n_followed: int
) -> None:
    """Put the posts of a running trial in place of those stored; of another nothing changes.

    Args:
        connection: the open warehouse.
        trial_id: which.
        posts: number, owner_id, post_id, arm, has_it.
        n_followed: how many of them followed their arm.
    """
    with transaction(connection):
        if not _is_running(connection, trial_id):
            return
        connection.execute("DELETE FROM trial_posts WHERE trial_id = ?", [trial_id])
        _insert(connection, "trial_posts", _of_trial(posts, trial_id))
        connection.execute(
            "UPDATE trials SET n_posts = ?, n_followed = ? WHERE trial_id = ?",
            [len(posts), n_followed, trial_id],
        )


def finish_trial(
    connection: duckdb.DuckDBPyConnection,
    trial_id: int,
    *,
    evaluated_at: datetime,
    figures: Mapping[str, float | int | None],
) -> None:
    """Note what a running trial found; once it is finished or stopped nothing changes.

    Args:
        connection: the open warehouse.
        trial_id: which.
        evaluated_at: the moment the result stands at.
        figures: effect, low, high, p_value, n_judged.
    """
    connection.execute(
        "UPDATE trials SET status = 'finished', evaluated_at = $evaluated_at, effect = $effect, "
        "low = $low, high = $high, p_value = $p_value, n_judged = $n_judged "
        "WHERE trial_id = $trial_id AND status = 'running'",
        {"trial_id": trial_id, "evaluated_at": evaluated_at, **figures},
    )


def stop_trial(connection: duckdb.DuckDBPyConnection, trial_id: int, stopped_at: datetime) -> None:
    """End a running trial without a result; it stays in the table."""
    connection.execute(
        "UPDATE trials SET status = ?, stopped_at = ? WHERE trial_id = ? AND status = ?",
        [STOPPED, stopped_at, trial_id, RUNNING],
    )


def _is_running(connection: duckdb.DuckDBPyConnection, trial_id: int) -> bool:
    row = first_row(
        connection.execute("SELECT status = ? FROM trials WHERE trial_id = ?", [RUNNING, trial_id])
    )
    return bool(row and row[0])


def _of_trial(rows: pl.DataFrame, trial_id: int) -> pl.DataFrame:
    return rows.select(pl.lit(trial_id, pl.Int32).alias("trial_id"), pl.all())


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    with registered(connection, "incoming", rows):
        connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming")  # noqa: S608
