"""The source as the pull sees it: chunks, watermarks, refreshes, failures of single owners."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fakes.vk import FakeVk, Reply, make_post
from tests.fakes.vk_walls import (
    NOW,
    complaints,
    fetch,
    fetch_failing,
    keys,
    later,
    progress,
    rows,
    wall,
)
from vkflow.errors import SettingsError, SourceError, TransientError
from vkflow.settings.sources import VkSettings
from vkflow.sources.vk.errors import VkTokenError
from vkflow.sources.vk.source import VkSource


def test_posts_and_their_counts_come_oldest_first(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5, 10))
    chunks = fetch(open_source(-1))
    assert rows(chunks, "posts", "post_id", "published_at", "text", "is_ad") == [
        (1, NOW - timedelta(hours=10), "текст 1", False),
        (2, NOW - timedelta(hours=5), "текст 2", False),
    ]
    columns = ("post_id", "observed_at", "views", "likes", "comments", "reposts")
    assert rows(chunks, "snapshots", *columns) == [(1, NOW, 1001, 4, 1, 2), (2, NOW, 1002, 5, 2, 2)]
    rest = ("shares_to_message", "reach", "hides", "expands", "photo_opens", "opens")
    assert rows(chunks, "snapshots", *rest) == [(3, *[None] * 5)] * 2
    assert complaints(chunks) == []


def test_what_was_read_is_not_read_again(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5, 10))
    vk.add_wall(2, wall(2, 7))
    first = fetch(open_source(-1, 2))
    assert sorted(keys(first)) == [(-1, 1), (-1, 2), (2, 1)]
    again = fetch(open_source(-1, 2), first[-1].watermark)
    assert keys(again) == keys(again, "snapshots") == []
    vk.walls[-1].append(make_post(-1, 3, int(NOW.timestamp()) - 60))
    assert keys(fetch(open_source(-1, 2), again[-1].watermark)) == [(-1, 3)]


def test_the_first_pull_reads_so_many_days(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, *(24 * day - 1 for day in range(1, 31))))
    assert len(keys(fetch(open_source(-1, first_days=10)))) == 10


OWNER_CODES = [7, 15, 18, 19, 30, 37, 210]


@pytest.mark.parametrize("token_kind", ["user", "service"])
@pytest.mark.parametrize("code", OWNER_CODES)
def test_a_closed_wall_leaves_the_others_complete_and_its_watermark_honest(
    open_source, vk: FakeVk, code: int, token_kind: str
):
    vk.token_kind = token_kind
    for owner_id in (-1, -2, -3):
        vk.add_wall(owner_id, wall(owner_id, 5, 10))
    vk.errors["wall.get", -2] = code
    chunks = fetch(open_source(-1, -2, -3))
    assert sorted(keys(chunks)) == [(-3, 1), (-3, 2), (-1, 1), (-1, 2)]
    ((key, reason),) = complaints(chunks)
    assert key == "-2" and f"VK error {code}" in reason
    assert set(progress(chunks)["owners"]) == {"-1", "-3"}
    del vk.errors["wall.get", -2]
    again = fetch(open_source(-1, -2, -3), chunks[-1].watermark)
    assert sorted(keys(again)) == [(-2, 1), (-2, 2)]
    assert "-2" in [key for chunk in again for key in chunk.mended]


TROUBLES = [1, 6, 10, 36, Reply(b"", 500), Reply(b"<html>"), Reply(b"{}", cut_off=True)]


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_a_wall_that_does_not_answer_is_left_for_the_next_night(
    open_source, vk: FakeVk, trouble: Any
):
    vk.token_kind = "service"
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 5))
    vk.trouble("wall.get", *[trouble] * 5)
    chunks = fetch(open_source(-1, -2))
    assert keys(chunks) == [(-2, 1)]
    assert [key for key, _ in complaints(chunks)] == ["-1"]
    assert keys(fetch(open_source(-1, -2), chunks[-1].watermark)) == [(-1, 1)]


@pytest.mark.parametrize("code", [5, 8, 14, 17, 23, 27, 28, 1117, 3609])
def test_a_terminal_error_stops_the_run_after_what_is_stored(open_source, vk: FakeVk, code: int):
    vk.token_kind = "service"
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 5))
    vk.errors["wall.get", -2] = code
    chunks = []
    with pytest.raises(VkTokenError, match=f"VK error {code} ") as raised:
        for chunk in open_source(-1, -2).fetch(None, NOW):
            chunks.append(chunk)
    assert isinstance(raised.value, SourceError)
    assert keys(chunks) == [(-1, 1)]


def test_the_daily_limit_keeps_what_came_and_the_rest_goes_first_next_time(open_source, vk: FakeVk):
    vk.token_kind = "service"
    for owner_id in (-1, -2, -3):
        vk.add_wall(owner_id, wall(owner_id, 5))
    source = open_source(-1, -2, -3, daily_budgets={"wall.get": 2})
    chunks = fetch(source)
    assert keys(chunks) == [(-1, 1), (-2, 1)]
    assert complaints(chunks) == [
        ("-3", "wall.get: the calls of today are used up; it goes on tomorrow")
    ]
    assert progress(chunks)["calls"] == {"wall.get": 2}
    same_day, error = fetch_failing(source, chunks[-1].watermark)
    assert keys(same_day) == [] and vk.calls["wall.get"] == 2
    assert "no wall could be read" in str(error) and "used up" in str(error)
    moment, timing = later(1)
    source = open_source(-1, -2, -3, daily_budgets={"wall.get": 2}, timing=timing)
    tomorrow = fetch(source, same_day[-1].watermark, moment)
    assert keys(tomorrow) == [(-3, 1)]


def test_vks_own_daily_limit_is_remembered_for_the_day(open_source, vk: FakeVk):
    vk.token_kind = "service"
    vk.add_wall(-1, wall(-1, 5))
    vk.trouble("wall.get", 29)
    chunks, _ = fetch_failing(open_source(-1))
    assert keys(chunks) == []
    assert progress(chunks)["calls"] == {"wall.get": 5_000}
    fetch_failing(open_source(-1), chunks[-1].watermark)
    assert vk.methods().count("wall.get") == 1


def test_half_a_wall_is_kept_without_moving_the_watermark(open_source, vk: FakeVk):
    vk.token_kind = "service"
    vk.add_wall(-1, wall(-1, *range(1, 251)))
    source = open_source(-1, daily_budgets={"wall.get": 2})
    chunks = fetch(source)
    assert 150 < len(keys(chunks)) < 250
    assert "owners" not in progress(chunks)
    moment, timing = later(1)
    again = fetch(open_source(-1, timing=timing), chunks[-1].watermark, moment)
    assert len(keys(again)) == 250


def test_a_long_wall_comes_in_chunks_each_of_which_may_be_the_last(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, *range(1, 251)))
    source = open_source(-1)
    whole = keys(fetch(source))
    assert whole == [(-1, number) for number in range(1, 251)]
    for stop in range(1, 6):
        stored = fetch(source)[:stop]
        rest = fetch(source, stored[-1].watermark)
        assert keys(stored) + keys(rest) == whole


def test_a_pull_later_than_its_moment_leaves_newer_posts(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5, 10))
    moment = NOW - timedelta(hours=7)
    chunks = fetch(open_source(-1), as_of=moment)
    assert keys(chunks) == [(-1, 1)]
    assert {chunk.read_at for chunk in chunks} == {NOW}
    assert keys(fetch(open_source(-1), chunks[-1].watermark)) == [(-1, 2)]


def test_a_service_token_reads_the_same(open_source, vk: FakeVk):
    for owner_id in range(-30, 0):
        vk.add_wall(owner_id, wall(owner_id, 5, 10))
    packed = fetch(open_source(*range(-30, 0)))
    assert vk.methods().count("wall.get") == 0
    vk.token_kind = "service"
    single = fetch(open_source(*range(-30, 0)))
    assert keys(single) == keys(packed) and len(keys(single)) == 60
    assert vk.methods().count("wall.get") == 30


@pytest.mark.parametrize("watermark", ["", "{}", '{"owners": {}}'])
def test_an_empty_watermark_is_a_beginning(open_source, vk: FakeVk, watermark: str):
    vk.add_wall(-1, wall(-1, 5))
    assert keys(fetch(open_source(-1), watermark)) == [(-1, 1)]


@pytest.mark.parametrize("watermark", ["2026-01-01", "[]", '{"owners": 5}', '{"owners": {"a": 1}}'])
def test_a_foreign_watermark_is_refused_with_the_remedy(open_source, watermark: str):
    with pytest.raises(SourceError, match="Delete its row"):
        fetch(open_source(-1), watermark)


def test_a_watermark_is_small_and_stable(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, *range(1, 101)))
    chunks = fetch(open_source(-1))
    again = fetch(open_source(-1), chunks[-1].watermark)
    assert progress(again)["owners"] == progress(chunks)["owners"]
    assert len(chunks[-1].watermark or "") < 6_000


def test_without_owners_or_token_nothing_begins():
    with pytest.raises(SettingsError, match="VKFLOW_VK__OWNERS"):
        VkSource(VkSettings.model_validate({"token": "x"}))
    with pytest.raises(SettingsError, match="VKFLOW_VK__TOKEN"):
        VkSource(VkSettings.model_validate({"owners": "a"}))


ALL_CODES = [1, 2, 5, 7, 9, 15, 18, 29, 30, 40, 100, 113, 203, 210, 601, 1117, 3609, 424242]


@pytest.mark.parametrize("token_kind", ["user", "service"])
@pytest.mark.parametrize("code", ALL_CODES)
def test_a_pull_in_which_no_wall_could_be_read_fails_whatever_the_code(
    open_source, vk: FakeVk, code: int, token_kind: str
):
    vk.token_kind = token_kind
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 5))
        vk.errors["wall.get", owner_id] = code
    chunks, error = fetch_failing(open_source(-1, -2, attempts=2))
    assert keys(chunks) == []
    assert "used up" in str(error) if code in (29, 601) else f"VK error {code}" in str(error)
    assert isinstance(error, TransientError) == (code in (1, 9))


def test_a_closed_wall_costs_one_call_a_night(open_source, vk: FakeVk):
    for owner_id in (-1, -2, -3):
        vk.add_wall(owner_id, wall(owner_id, 5))
    vk.errors["wall.get", -2] = 15
    fetch(open_source(-1, -2, -3))
    assert vk.calls["wall.get"] == 3


def test_large_posts_are_read_without_breaking_the_daily_budget(open_source, vk: FakeVk):
    """Posts of 2025 take 10.9 kB: of 25 walls, 20 each are more than `execute` answers."""
    vk.padding = "x" * 10_900
    vk.daily = {"wall.get": 60}
    owners = range(-50, 0)
    for owner_id in owners:
        vk.add_wall(owner_id, wall(owner_id, *range(1, 21)))
    chunks = fetch(open_source(*owners, daily_budgets={"wall.get": 60}))
    assert len(set(keys(chunks))) == 50 * 20
    assert vk.calls["wall.get"] == 50
    assert progress(chunks)["calls"] == {"wall.get": vk.calls["wall.get"]}


def test_every_call_of_every_try_is_in_the_budget(open_source, vk: FakeVk):
    vk.padding = "x" * 16_000
    owners = range(-50, 0)
    for owner_id in owners:
        vk.add_wall(owner_id, wall(owner_id, *range(1, 21)))
    vk.trouble("execute", Reply(b"", 502), 6)
    chunks = fetch(open_source(*owners))
    assert len(set(keys(chunks))) == 50 * 20
    assert progress(chunks)["calls"] == {"wall.get": vk.calls["wall.get"]}


def test_a_strict_vk_is_read_within_all_its_limits(open_source, vk: FakeVk):
    """Five megabytes, requests a second, calls a day, rights, all at once."""
    vk.padding = "x" * 10_900
    vk.requests_per_second = 20
    owners = range(-60, 0)
    vk.daily = {"wall.get": len(owners) + 20, "stats.getPostReach": 60, "execute": 12}
    for owner_id in owners:
        vk.add_wall(owner_id, wall(owner_id, *range(1, 20)))
    vk.administered = set(range(-10, 0))
    vk.errors["wall.get", -60] = 15
    settings = {"requests_per_second": 20, "daily_budgets": {"wall.get": len(owners) + 20}}
    chunks = fetch(open_source(*owners, **settings))
    assert len(set(keys(chunks))) == 59 * 19
    assert [key for key, _ in complaints(chunks)] == ["-60"]
    reach = {owner for owner, reach in rows(chunks, "snapshots", "owner_id", "reach") if reach}
    assert reach == vk.administered
    assert vk.calls["wall.get"] == len(owners)
    moment, timing = later(1.5)
    again = fetch(open_source(*owners, timing=timing, **settings), chunks[-1].watermark, moment)
    assert len(set(keys(again, "snapshots"))) == 59 * 19
