"""How many calls a day and a second there may be."""

import threading
from datetime import timedelta
from time import monotonic

import pytest

from tests.fakes.vk import FakeVk
from tests.fakes.vk_calls import WALL
from vkflow.sources.vk.calls import Timing
from vkflow.sources.vk.errors import (
    SpentError,
)
from vkflow.sources.vk.methods import posts_by_id
from vkflow.sources.vk.pacing import DailyBudget, TokenBucket

pytestmark = pytest.mark.usefixtures("small_wall")


def test_vks_daily_limit_stops_the_method_and_no_other(open_client, vk: FakeVk):
    client = open_client()
    vk.trouble("wall.get", 29)
    for _ in range(3):
        with pytest.raises(SpentError, match="goes on tomorrow"):
            client.call(WALL)
    assert vk.methods() == ["wall.get"]
    assert len(client.call(posts_by_id(-1, [1, 2])).value) == 2


def test_our_daily_budget_stops_the_method_and_no_other(open_client, vk: FakeVk):
    client = open_client(daily_budgets={"wall.get": 2})
    client.call(WALL)
    client.call(WALL)
    with pytest.raises(SpentError, match="calls of today"):
        client.call(WALL)
    assert vk.methods() == ["wall.get"] * 2
    client.call(posts_by_id(-1, [1]))


def test_a_budget_is_of_a_day_and_goes_on_after_a_restart(timing: Timing):
    today = timing.now().date()
    budget = DailyBudget({"wall.get": 3}, lambda: today, today, {"wall.get": 2})
    budget.spend("wall.get")
    with pytest.raises(SpentError):
        budget.spend("wall.get")
    assert budget.state() == (today, {"wall.get": 3})
    today += timedelta(days=1)
    assert budget.left("wall.get") == 3
    budget.refuse("wall.get")
    assert budget.state() == (today, {"wall.get": 3})
    yesterday = today - timedelta(days=1)
    assert DailyBudget({"wall.get": 3}, lambda: today, yesterday, {"wall.get": 3}).left("wall.get")


def test_three_requests_a_second_are_kept_across_clients(open_client, vk: FakeVk):
    vk.requests_per_second = 3
    clients = [open_client(requests_per_second=3) for _ in range(2)]
    start = monotonic()
    threads = [
        threading.Thread(target=lambda client=client: [client.call(WALL) for _ in range(4)])
        for client in clients
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert vk.calls["wall.get"] == 8
    assert len(vk.requests) <= 9, "the server counts, and refused some"
    assert monotonic() - start >= 7 / 3 - 0.1


def test_a_bucket_never_lets_more_through_in_any_second():
    now, passed = 0.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    bucket = TokenBucket(3, clock=lambda: now, sleep=sleep)
    for rest in (0, 0, 0, 0, 5, 0, 0, 0, 0.2, 0, 0):
        now += rest
        bucket.take()
        passed.append(now)
    for start in passed:
        assert sum(start <= moment < start + 0.999 for moment in passed) <= 3
