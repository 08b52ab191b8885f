"""The night of trials: recognise their posts, and once all have an outcome, say what was found."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from tasks.step import run_logger, step, warehouse_of
from tasks.trial_arms import posts_of_trial
from vkflow.settings import Settings
from vkflow.trials.evaluation import evaluate
from vkflow.trials.outcomes import outcomes_of
from vkflow.trials.schedule import DAY, WITH
from warehouse import trials

WAITED = timedelta(days=14)
"""A post whose outcome is not known at this age, such as one that was deleted, is left out."""


@dataclass(frozen=True)
class TrialCounts:
    """What came of it: trials still running, and those that ended tonight."""

    running: int = 0
    finished: int = 0


@step("judge trials")
def judge_trials(settings: Settings, as_of: datetime) -> TrialCounts:
    """Note the posts of running trials; evaluate those that are complete, each once.

    Before its last post has an outcome nothing of a trial is computed but how far it is.
    """
    finished, maturity = 0, timedelta(hours=settings.label_maturity_hours)
    with warehouse_of(settings, as_of) as connection:
        running = trials.read_trials(connection, as_of).filter(status=trials.RUNNING)
        for row in running.iter_rows(named=True):
            finished += _judge(connection, row, as_of, maturity)
    return TrialCounts(len(running) - finished, finished)


def _judge(
    connection: duckdb.DuckDBPyConnection, row: dict[str, Any], as_of: datetime, maturity: timedelta
) -> bool:
    posts = posts_of_trial(connection, row, as_of)
    followed = int((posts["has_it"] == (posts["arm"] == WITH)).sum())
    kept = posts.select("number", "owner_id", "post_id", "arm", "has_it")
    trials.write_posts_of_trial(connection, row["trial_id"], kept, n_followed=followed)
    if not _is_complete(row, posts, as_of, maturity):
        return False
    units = trials.read_units(connection, row["trial_id"])
    found = evaluate(
        outcomes_of(posts, row["base_rate"], row["variance"]),
        (units["arm"] == WITH).to_numpy(),
        seed=row["trial_id"],
    )
    trials.finish_trial(connection, row["trial_id"], evaluated_at=as_of, figures=asdict(found))
    run_logger().info("trial %d is finished: %s", row["trial_id"], found)
    return True


def _is_complete(
    row: dict[str, Any], posts: pl.DataFrame, as_of: datetime, maturity: timedelta
) -> bool:
    """Whether all units have come, and every post has an outcome, or was waited for in vain.

    Of days it is not known whether all their posts are there until those would have an outcome.
    """
    if row["unit"] == DAY:
        mature_until = (as_of - maturity).astimezone(ZoneInfo(row["time_zone"])).date()
        is_over = (mature_until - row["first_day"]).days >= row["n_units"]
    else:
        is_over = len(posts) >= row["n_units"]
    waits = posts.filter(
        pl.col("exposures").is_null(), pl.col("published_at") > pl.lit(as_of - WAITED)
    )
    return is_over and waits.is_empty()
