"""Trials from start to end through the real warehouse, on a wall whose posts are made here."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tasks.judging_trials import TrialCounts, judge_trials
from tasks.reporting import gather
from tasks.step import warehouse_of
from tasks.trial_arms import asked_of_drafts, next_arms
from tasks.trialling import (
    TrialRequest,
    known_posts,
    known_trials,
    plan_trial,
    start_trial,
    stop_trial,
)
from vkflow.activities import COUNT_COLUMNS
from vkflow.errors import TrialError
from vkflow.settings import Settings, load_settings
from vkflow.text.cleaning import text_hashes
from vkflow.trials.levers import CHOICES
from warehouse.contents import write_posts
from warehouse.posts import write_snapshots

START = datetime(2026, 6, 1, 9, tzinfo=UTC)
WALL = -7
REQUEST = TrialRequest(WALL, CHOICES["question"], "comment", effect=1.0, n_units=60)
VIEWS, RATE = 10_000, 0.002


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A wall with 80 posts, twelve hours apart, the last one an hour before the start."""
    settings = load_settings(home=tmp_path)
    times = [START - timedelta(hours=1 + 12 * place) for place in range(80)]
    publish(settings, 1, times[::-1], ["Просто пост"] * 80)
    return settings


def publish(settings: Settings, first_id: int, times: list[datetime], texts: list[str]) -> None:
    """Store posts, each with its counts of four days later: twice as many after a question."""
    generator = np.random.default_rng(first_id)
    n = len(texts)
    rates = RATE * np.exp(0.3 * generator.standard_normal(n)) * [1 + ("?" in t) for t in texts]
    posts = pl.DataFrame(
        {
            "owner_id": [WALL] * n,
            "post_id": range(first_id, first_id + n),
            "published_at": times,
            "text": texts,
        },
        schema_overrides={"published_at": pl.Datetime("us", "UTC")},
    ).with_columns(
        text_hashes(pl.Series(texts)), image_hash=pl.lit(None, pl.String), is_ad=pl.lit(False)
    )
    counts = posts.select(
        "owner_id",
        "post_id",
        observed_at=pl.col("published_at") + timedelta(days=4),
        views=pl.lit(VIEWS),
        **{name: pl.lit(None, pl.Int64) for name in ("reach", *COUNT_COLUMNS)},
        reposts_with_messages=pl.lit(None, pl.Boolean),
    ).with_columns(comments=pl.Series(generator.poisson(VIEWS * rates)))
    with warehouse_of(settings) as connection:
        write_posts(connection, posts, source="test", seen_at=times[0])
        write_snapshots(connection, counts, seen_at=times[0])


def follow(settings: Settings) -> datetime:
    """Publish all posts as they are drawn, six hours apart; returns when the last appeared."""
    asked = next_arms(settings, START, ahead=100)
    assert [each.number for each in asked] == list(range(1, 61))
    times = [START + timedelta(hours=6 * each.number) for each in asked]
    texts = ["Кто с нами?" if each.arm == "with" else "Идём в лес" for each in asked]
    publish(settings, 1_000, times, texts)
    return times[-1]


def only(settings: Settings, as_of: datetime) -> dict:
    (row,) = known_trials(settings, as_of).to_dicts()
    return row


def test_a_trial_from_its_start_to_what_it_found(settings: Settings) -> None:
    trial_id, plan = start_trial(settings, START, REQUEST, seed=1)
    assert (trial_id, plan.n_units) == (1, 60) and plan.power > 0.9
    last = follow(settings)
    assert next_arms(settings, last) == []
    for days in (1, 2):  # the last post is not mature
        assert judge_trials.fn(settings, last + timedelta(days=days)) == TrialCounts(1, 0)
        row = only(settings, last + timedelta(days=days))
        assert (row["status"], row["n_posts"], row["effect"]) == ("running", 60, None)
    end = last + timedelta(days=5)
    assert judge_trials.fn(settings, end) == TrialCounts(0, 1)
    row = only(settings, end)
    assert (row["status"], row["n_judged"], row["n_followed"]) == ("finished", 60, 60)
    assert row["p_value"] < 0.01 and 0 < row["low"] < 1 < row["high"]
    assert judge_trials.fn(settings, end + timedelta(days=30)) == TrialCounts(0, 0)
    assert only(settings, end + timedelta(days=30)) == row
    shown = known_posts(settings, end, trial_id)
    assert len(shown) == 60 and shown["is_followed"].all() and shown["rate"].null_count() == 0


def test_each_post_that_appears_moves_the_schedule_on(settings: Settings) -> None:
    start_trial(settings, START, REQUEST, seed=1)
    arms = [each.arm for each in next_arms(settings, START, ahead=3)]
    (first,) = next_arms(settings, START)
    assert (first.number, first.last_post_at, first.arm) == (1, None, arms[0])
    later = START + timedelta(hours=6)
    publish(settings, 1_000, [later], ["Идём в лес"])
    (second,) = next_arms(settings, later, owner_id=WALL)
    assert (second.number, second.last_post_at, second.arm) == (2, later, arms[1])
    assert next_arms(settings, later, owner_id=-8) == []


def test_what_was_not_followed_is_counted_and_stays_in_its_arm(settings: Settings) -> None:
    start_trial(settings, START, REQUEST, seed=1)
    times = [START + timedelta(hours=6 * (place + 1)) for place in range(60)]
    publish(settings, 1_000, times, ["Кто с нами?"] * 60)
    end = times[-1] + timedelta(days=5)
    assert judge_trials.fn(settings, end).finished == 1
    row = only(settings, end)
    assert (row["n_posts"], row["n_followed"]) == (60, 30)
    assert row["p_value"] > 0.05 and row["low"] < 0 < row["high"]


def test_a_post_that_never_gets_an_outcome_is_waited_for_a_fortnight(settings: Settings) -> None:
    start_trial(settings, START, REQUEST, seed=1)
    last = follow(settings)
    with warehouse_of(settings) as connection:
        connection.execute("DELETE FROM snapshots WHERE post_id = 1059")
    assert judge_trials.fn(settings, last + timedelta(days=13)).finished == 0
    assert judge_trials.fn(settings, last + timedelta(days=15)).finished == 1
    assert only(settings, last + timedelta(days=15))["n_judged"] == 59


def test_by_days_all_posts_of_a_day_have_one_arm(settings: Settings) -> None:
    by_day = replace(REQUEST, unit="day", effect=3.0, n_units=20)
    start_trial(settings, START, by_day, seed=1)
    first, second = next_arms(settings, START + timedelta(days=1), ahead=2)
    assert (first.number, second.number) == (1, 2) and str(first.day) == "2026-06-02"
    times = [START + timedelta(hours=8 * (place + 3)) for place in range(60)]
    publish(settings, 1_000, times, ["Идём в лес"] * 60)
    judge_trials.fn(settings, START + timedelta(days=20))
    assert only(settings, START + timedelta(days=20))["status"] == "running"
    end = START + timedelta(days=26)
    judge_trials.fn(settings, end)
    row = only(settings, end)
    assert (row["status"], row["n_judged"]) == ("finished", 20)
    assert (
        known_posts(settings, end, 1)
        .group_by("number")
        .agg(pl.col("arm").n_unique())["arm"]
        .to_list()
        == [1] * 20
    )


def test_days_that_bring_no_post_are_waited_for_and_then_judged_as_they_are(
    settings: Settings,
) -> None:
    start_trial(settings, START, replace(REQUEST, unit="day", effect=3.0, n_units=20), seed=1)
    end = START + timedelta(days=21)  # the day after the last
    assert judge_trials.fn(settings, end + timedelta(days=2)) == TrialCounts(1, 0)
    assert judge_trials.fn(settings, end + timedelta(days=3)) == TrialCounts(0, 1)
    row = only(settings, end + timedelta(days=3))
    assert (row["n_judged"], row["n_posts"], row["effect"]) == (0, 0, None)


def test_a_second_trial_on_the_wall_is_refused_until_the_first_has_ended(
    settings: Settings,
) -> None:
    start_trial(settings, START, REQUEST)
    other = replace(REQUEST, choice=CHOICES["emoji"])
    with pytest.raises(TrialError, match=r"trial 1 \(question on comment\) is running.*60 of 60"):
        start_trial(settings, START + timedelta(minutes=1), other)
    stop_trial(settings, START + timedelta(hours=1), 1)
    with pytest.raises(TrialError, match="trial 1 is stopped already"):
        stop_trial(settings, START + timedelta(hours=2), 1)
    with pytest.raises(TrialError, match="there is no trial 5; there are: 1"):
        stop_trial(settings, START + timedelta(hours=2), 5)
    assert start_trial(settings, START + timedelta(hours=2), other)[0] == 2
    stopped = known_trials(settings, START + timedelta(hours=2)).filter(trial_id=1)
    assert stopped["status"].item() == "stopped"


def test_who_came_first_and_waited_sees_what_was_stored_meanwhile(settings: Settings) -> None:
    """Two people press the button; the second one gets the lock first."""
    start_trial(settings, START, REQUEST, seed=1)
    with pytest.raises(TrialError, match=r"trial 1 .* is running"):
        start_trial(settings, START - timedelta(seconds=2), REQUEST)
    end = follow(settings) + timedelta(days=5)
    assert judge_trials.fn(settings, end) == TrialCounts(0, 1)
    with pytest.raises(TrialError, match="trial 1 is finished already"):
        stop_trial(settings, end - timedelta(seconds=2), 1)


def test_planning_stores_nothing(settings: Settings) -> None:
    assert plan_trial(settings, START, REQUEST).n_units == 60
    assert known_trials(settings, START).is_empty()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"owner_id": -8}, "only 0 posts"),
        ({"activity": "like"}, "only 0 posts"),
        ({"n_units": 12, "effect": 0.1}, "12 are too few"),
        ({"unit": "week"}, "by post or by day"),
        ({"choice": CHOICES["has_picture"], "activity": "open_photo"}, "needs no trial"),
    ],
    ids=str,
)
def test_what_cannot_be_started_is_one_sentence(
    settings: Settings, changes: dict, said: str
) -> None:
    with pytest.raises(TrialError, match=said):
        start_trial(settings, START, replace(REQUEST, **changes))
    assert known_trials(settings, START).is_empty()


def test_a_draft_is_told_its_arm_and_whether_it_is_so(settings: Settings) -> None:
    start_trial(settings, START, REQUEST, seed=1)
    drafts = pl.DataFrame(
        {
            "owner_id": [WALL, WALL, -8],
            "published_at": [START + timedelta(hours=1)] * 3,
            "text": ["Кто с нами?", "Идём в лес", "Кто?"],
            "has_image": [False] * 3,
        }
    )
    first, second, other = asked_of_drafts(settings, START, drafts)
    assert other == () and first[0].number == second[0].number == 1
    assert {first[0].is_followed, second[0].is_followed} == {True, False}
    assert first[0].is_followed == (first[0].arm == "with")


def test_a_draft_of_a_later_day_is_told_the_arm_of_that_day(settings: Settings) -> None:
    start_trial(settings, START, replace(REQUEST, unit="day", effect=3.0, n_units=20), seed=1)
    days = [each.arm for each in next_arms(settings, START, ahead=3)]
    drafts = pl.DataFrame(
        {
            "owner_id": [WALL] * 4,
            "published_at": [START + timedelta(days=n) for n in (0, 1, 3, 40)],
            "text": ["Идём в лес"] * 4,
            "has_image": [False] * 4,
        }
    )
    found = asked_of_drafts(settings, START, drafts)
    assert [[each.number for each in asked] for asked in found] == [[], [1], [3], []]
    assert [found[1][0].arm, found[2][0].arm] == [days[0], days[2]]


def test_the_report_sees_a_trial_as_of_its_moment(settings: Settings) -> None:
    start_trial(settings, START, REQUEST, seed=1)
    last = follow(settings)
    end = last + timedelta(days=5)
    judge_trials.fn(settings, end)
    assert gather(settings, last).trials["status"].item() == "running"
    assert gather(settings, end).trials["effect"].item() is not None
    assert gather(settings, START - timedelta(days=1)).trials.is_empty()
