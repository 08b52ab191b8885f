"""Trials: plan one, begin it, stop it."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from tasks.run_log import logged_run
from tasks.step import warehouse_of
from tasks.trial_arms import choice_of
from vkflow.drafts.moments import zone_of
from vkflow.errors import TrialError
from vkflow.insights.sentences import LanguageCode
from vkflow.settings import Settings
from vkflow.translation import Message
from vkflow.trials.levers import Choice, check_activity
from vkflow.trials.planning import Plan, habits_of, make_plan
from vkflow.trials.schedule import DAY, POST, day_after, draw_schedule
from vkflow.trials.words import plan_lines
from warehouse import trials

HISTORY_POSTS = 400
"""An owner's newest posts with a known outcome, from which its spread is told."""
SEED_BITS = 64


@dataclass(frozen=True)
class TrialRequest:
    """A trial somebody wants.

    Attributes:
        owner_id: on whose wall.
        choice: the lever and its level.
        activity: the only one it is judged by.
        unit: what is drawn: ``post``, in order of publication, or ``day``.
        n_units: how many; ``None``: as many as needed.
        effect: the change to find, as a fraction: 0.5 is half more.
        power: with which probability.
    """

    owner_id: int
    choice: Choice
    activity: str
    unit: str = POST
    n_units: int | None = None
    effect: float = 0.5
    power: float = 0.8


def plan_trial(settings: Settings, as_of: datetime, request: TrialRequest) -> Plan:
    """How many posts a trial takes, or what those that are given can find.

    Raises:
        TrialError: it cannot be planned; says why, and what to do.
    """
    with warehouse_of(settings, as_of) as connection:
        return _plan(connection, settings, as_of, request)


def _plan(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    as_of: datetime,
    request: TrialRequest,
) -> Plan:
    check_activity(request.choice, request.activity)
    if request.unit not in (POST, DAY):
        raise TrialError("unit", post=POST, day=DAY)
    if request.choice.lever == "has_picture" and settings.images.tagger == "none":
        raise TrialError("no_pictures")
    history = trials.read_history(
        connection, request.owner_id, request.activity, until=as_of, limit=HISTORY_POSTS
    )
    habits = habits_of(history, request.unit, _zone(settings, request.owner_id).key)
    return make_plan(habits, effect=request.effect, power=request.power, n_units=request.n_units)


def start_trial(
    settings: Settings, moment: datetime, request: TrialRequest, *, seed: int | None = None
) -> tuple[int, Plan]:
    """Plan a trial, draw its schedule and store both; returns its id and the plan.

    Args:
        settings: of the home.
        moment: now: posts that appear later belong to it.
        request: what is wanted.
        seed: of the schedule; ``None``: drawn. It is not kept: from it the arms of posts to come
            could be told, and what was drawn is stored.

    Raises:
        TrialError: it cannot be planned, or another trial is running on this wall.
        WriterLockedError: another run, such as the night, is at work.
    """
    plan_trial(settings, moment, request)  # a request that is wrong needs no run
    with logged_run(settings, "trial") as (_, counts):
        with warehouse_of(settings, moment) as connection:
            _refuse_second(connection, request.owner_id)
            plan = _plan(connection, settings, moment, request)
            row = _row(settings, moment, request, plan)
            drawn = secrets.randbits(SEED_BITS) if seed is None else seed
            units = draw_schedule(plan.n_units, drawn, row["first_day"])
            trial_id = trials.write_trial(connection, row, units)
        counts |= {"trial_id": trial_id}
    return trial_id, plan


def _row(settings: Settings, moment: datetime, request: TrialRequest, plan: Plan) -> dict[str, Any]:
    zone = _zone(settings, request.owner_id).key
    return {
        "owner_id": request.owner_id,
        "lever": request.choice.lever,
        "level": request.choice.level,
        "activity": request.activity,
        "unit": request.unit,
        "n_units": plan.n_units,
        "first_day": day_after(moment, zone) if request.unit == DAY else None,
        "time_zone": zone,
        "planned_effect": plan.effect,
        "power": plan.power,
        "base_rate": plan.habits.base_rate,
        "variance": plan.habits.variance,
        "spread": plan.habits.spread,
        "started_at": moment,
        "status": trials.RUNNING,
    }


def _zone(settings: Settings, owner_id: int) -> ZoneInfo:
    training = settings.training
    return zone_of(owner_id, training.time_zone, training.owner_time_zones)


def _refuse_second(connection: duckdb.DuckDBPyConnection, owner_id: int) -> None:
    """Whoever has waited for the lock may have come before a trial that is there by now."""
    running = trials.read_trials(connection, trials.LATEST).filter(
        pl.col("owner_id") == owner_id, pl.col("status") == trials.RUNNING
    )
    for row in running.iter_rows(named=True):
        raise TrialError(
            "second",
            id=row["trial_id"],
            lever=choice_of(row).name,
            activity=row["activity"],
            left=row["n_units"] - row["n_seen"],
            all=row["n_units"],
        )


def stop_trial(settings: Settings, moment: datetime, trial_id: int | None) -> None:
    """End a running trial without a result.

    Raises:
        TrialError: there is no such trial, or it has ended already.
        WriterLockedError: another run, such as the night, is at work.
    """
    _running(known_trials(settings, trials.LATEST), trial_id)  # a wrong number needs no run
    with logged_run(settings, "trial"), warehouse_of(settings) as connection:
        row = _running(trials.read_trials(connection, trials.LATEST), trial_id)
        trials.stop_trial(connection, row["trial_id"], moment)


def _running(known: pl.DataFrame, trial_id: int | None) -> dict[str, Any]:
    """The trial, if it has not ended: the night may have judged it meanwhile."""
    row = find_trial(known, trial_id)
    if row["status"] != trials.RUNNING:
        raise TrialError(f"already_{row['status']}", id=trial_id)
    return row


def describe_plan(request: TrialRequest, plan: Plan, code: LanguageCode) -> list[str]:
    """What a trial takes, and what it would find, in sentences."""
    return plan_lines(plan, request.choice, request.activity, request.unit, request.power, code)


def known_trials(settings: Settings, as_of: datetime) -> pl.DataFrame:
    """All trials as they stood at a moment, newest first."""
    with warehouse_of(settings, as_of) as connection:
        return trials.read_trials(connection, as_of)


def known_posts(settings: Settings, as_of: datetime, trial_id: int) -> pl.DataFrame:
    """The posts of a trial as of the last night: the columns of ``trial_outcomes``."""
    with warehouse_of(settings, as_of) as connection:
        return trials.read_posts_of_trial(connection, trial_id)


def find_trial(known: pl.DataFrame, trial_id: int | None) -> dict[str, Any]:
    """One of them.

    Raises:
        TrialError: there is none with this id.
    """
    for row in known.iter_rows(named=True):
        if row["trial_id"] == trial_id:
            return row
    ids = ", ".join(map(str, known["trial_id"])) or Message("trials", "none_yet")
    if trial_id is None:
        raise TrialError("which", ids=ids)
    raise TrialError("unknown", id=trial_id, ids=ids)
