"""Schedules: balanced, drawn by chance, and the posts they are about."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from vkflow.trials.schedule import DAY, POST, draw_again, draw_schedule, number_posts


@given(blocks=st.integers(3, 250), seed=st.integers(0, 2**31))
def test_every_block_has_two_of_each_arm(blocks: int, seed: int) -> None:
    schedule = draw_schedule(4 * blocks, seed)
    assert schedule["number"].to_list() == list(range(1, 4 * blocks + 1))
    arms = schedule.group_by("block").agg((pl.col("arm") == "with").sum())
    assert len(arms) == blocks and set(arms["arm"]) == {2}


def test_the_same_seed_draws_the_same_and_another_one_another() -> None:
    assert draw_schedule(96, 7).equals(draw_schedule(96, 7))
    assert not draw_schedule(96, 7).equals(draw_schedule(96, 8))


def test_all_ways_to_draw_a_block_come_as_often() -> None:
    drawn = draw_again(12, 4_000, seed=1).reshape(-1, 4)
    ways, counts = np.unique(drawn, axis=0, return_counts=True)
    assert len(ways) == 6 and counts.min() > 1_800 and set(ways.sum(axis=1)) == {2}


def test_schedules_drawn_again_are_not_the_real_one() -> None:
    real = (draw_schedule(40, 5)["arm"] == "with").to_numpy()
    assert not (draw_again(40, 100, 5) == real).all(axis=1).any()


def test_days_follow_one_another() -> None:
    assert draw_schedule(12, 1, date(2026, 11, 28))["day"][3] == date(2026, 12, 1)
    assert draw_schedule(12, 1)["day"].null_count() == 12


def posts(*hours: int) -> pl.DataFrame:
    start = datetime(2026, 11, 2, 12, tzinfo=UTC)
    times = [start + timedelta(hours=hour) for hour in hours]
    return pl.DataFrame({"published_at": times})


def test_posts_are_counted_in_order_and_those_behind_the_last_are_left_out() -> None:
    found = number_posts(posts(1, 2, 30), POST, 2, None, "Europe/Moscow")
    assert found["number"].to_list() == [1, 2]


def test_days_are_those_of_the_owners_clock() -> None:
    """21 hours UTC is midnight in Moscow."""
    found = number_posts(posts(1, 8, 9, 20, 60), DAY, 2, date(2026, 11, 3), "Europe/Moscow")
    assert found["number"].to_list() == [1, 1]
    assert found["published_at"].dt.hour().to_list() == [21, 8]
