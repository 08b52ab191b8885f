"""Which posts a running trial has, and what it asks of the next one, or of a draft."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from tasks.step import warehouse_of
from vkflow.settings import Settings
from vkflow.trials.assignment import Assignment
from vkflow.trials.levers import Choice, has_level
from vkflow.trials.schedule import DAY, WITH, number_posts
from warehouse import trials


def next_arms(
    settings: Settings, as_of: datetime, *, owner_id: int | None = None, ahead: int = 1
) -> list[Assignment]:
    """What running trials ask of the next posts, or of today's and the next days' posts.

    Args:
        settings: of the home.
        as_of: the moment; by days, it decides which day is today.
        owner_id: on whose wall; ``None``: on all.
        ahead: how many posts, or days.
    """
    with warehouse_of(settings, as_of) as connection:
        found: list[Assignment] = []
        for row in trials.read_trials(connection, as_of).iter_rows(named=True):
            if row["status"] == trials.RUNNING and owner_id in (None, row["owner_id"]):
                found += _next(connection, row, as_of, ahead)
    return found


def _next(
    connection: duckdb.DuckDBPyConnection, row: dict[str, Any], as_of: datetime, ahead: int
) -> list[Assignment]:
    posts = posts_of_trial(connection, row, as_of)
    units = trials.read_units(connection, row["trial_id"])
    if row["unit"] == DAY:
        coming = units.filter(pl.col("day") >= as_of.astimezone(ZoneInfo(row["time_zone"])).date())
    else:
        coming = units.filter(pl.col("number") > len(posts))
    return [
        Assignment(
            row["trial_id"], row["owner_id"], choice_of(row), unit["number"], row["n_units"],
            unit["arm"], unit["day"], row["time_zone"],
            posts["published_at"][-1] if len(posts) else None,
        )
        for unit in coming.head(ahead).iter_rows(named=True)
    ]  # fmt: skip


def asked_of_drafts(
    settings: Settings, as_of: datetime, posts: pl.DataFrame
) -> list[tuple[Assignment, ...]]:
    """What running trials ask of drafts, and whether these are so.

    Args:
        settings: of the home.
        as_of: the moment the forecasts stand at.
        posts: the drafts: owner_id, published_at, text, has_image.
    """
    latest = max(posts["published_at"], default=as_of)
    asked = next_arms(settings, as_of, ahead=max((latest - as_of).days, 0) + 2)
    return [
        tuple(
            replace(each, is_followed=_is_followed(each, posts[place]))
            for each in _asked_of(asked, owner_id, at)
        )
        for place, (owner_id, at) in enumerate(posts.select("owner_id", "published_at").iter_rows())
    ]


def _asked_of(asked: Sequence[Assignment], owner_id: int, at: datetime) -> Iterator[Assignment]:
    """Of the next post of a wall, or of those of the draft's own day."""
    of_owner = [each for each in asked if each.owner_id == owner_id]
    if of_owner and of_owner[0].day is None:
        yield of_owner[0]
    for each in of_owner:
        if each.day is not None and each.day == at.astimezone(ZoneInfo(each.time_zone)).date():
            yield each


def _is_followed(asked: Assignment, post: pl.DataFrame) -> bool:
    return bool(has_level(post, asked.choice, asked.time_zone)[0]) == (asked.arm == WITH)


def choice_of(row: dict[str, Any]) -> Choice:
    """The lever of a row of ``trials``."""
    return Choice(row["lever"], row["level"])


def posts_of_trial(
    connection: duckdb.DuckDBPyConnection, row: dict[str, Any], as_of: datetime
) -> pl.DataFrame:
    """The posts of a trial by a moment, each with its number, arm, has_it, count and exposures.

    Args:
        connection: the open warehouse, as of the moment.
        row: of ``trials``.
        as_of: later posts are not seen.
    """
    wall = trials.read_wall(
        connection, row["owner_id"], row["activity"], since=row["started_at"], until=as_of
    )
    numbered = number_posts(wall, row["unit"], row["n_units"], row["first_day"], row["time_zone"])
    units = trials.read_units(connection, row["trial_id"]).select("number", "arm")
    posts = numbered.join(units, on="number", how="left", maintain_order="left")
    return posts.with_columns(has_level(posts, choice_of(row), row["time_zone"]))
