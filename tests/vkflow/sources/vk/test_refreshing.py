"""Counts of known posts are read again at their ages."""

import json
from datetime import timedelta

import pytest

from tests.fakes.vk import FakeVk
from tests.fakes.vk_walls import HOUR, NOW, complaints, fetch, keys, later, rows, wall


def test_counts_are_read_again_at_each_age_and_only_then(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    since, seen = None, []
    for hours in (0, 12, 24, 36, 48, 72, 96, 168, 192, 336, 400, 720, 800):
        moment, timing = later(hours / 24)
        vk.walls[-1][0]["views"]["count"] = 1_000 + hours
        chunks = fetch(open_source(-1, timing=timing), since, moment)
        since = chunks[-1].watermark
        seen += [(hours, *row) for row in rows(chunks, "snapshots", "views", "observed_at")]
    assert seen == [
        (hours, 1_000 + hours, NOW + timedelta(hours=hours)) for hours in (0, 24, 72, 168, 336, 720)
    ]
    assert "young" not in json.loads(since or "")["owners"]["-1"]


def test_a_missed_night_is_one_refresh_not_two(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    first = fetch(open_source(-1))
    moment, timing = later(5)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert keys(second, "snapshots") == [(-1, 1)]
    assert keys(second) == []


@pytest.mark.parametrize("token_kind", ["user", "service"])
def test_refreshing_takes_a_hundred_posts_a_call(open_source, vk: FakeVk, token_kind: str):
    vk.token_kind = token_kind
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, *(hour / 10 for hour in range(1, 151))))
    first = fetch(open_source(-1, -2))
    vk.requests.clear()
    vk.calls.clear()
    moment, timing = later(1.5)
    second = fetch(open_source(-1, -2, timing=timing), first[-1].watermark, moment)
    assert len(set(keys(second, "snapshots"))) == 300
    assert vk.calls["wall.getById"] == 4
    assert vk.methods().count("execute") == (2 if token_kind == "user" else 1)


def test_a_refresh_too_large_is_halved(open_source, vk: FakeVk):
    vk.token_kind = "service"
    vk.add_wall(-1, wall(-1, *(hour / 10 for hour in range(1, 101))))
    first = fetch(open_source(-1))
    vk.padding, vk.max_bytes = "x" * 10_000, 500_000
    moment, timing = later(1.5)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert len(keys(second, "snapshots")) == 100


def test_an_edited_post_comes_again_with_its_new_text(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1, 2))
    first = fetch(open_source(-1))
    vk.walls[-1][0] |= {"text": "исправлено", "edited": int(NOW.timestamp()) + HOUR}
    moment, timing = later(1)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert rows(second, "posts", "post_id", "text") == [(1, "исправлено")]
    assert keys(second, "snapshots") == [(-1, 1), (-1, 2)]
    moment, timing = later(3)
    third = fetch(open_source(-1, timing=timing), second[-1].watermark, moment)
    assert keys(third) == [] and len(keys(third, "snapshots")) == 2


def test_a_deleted_post_is_noted_and_the_others_refreshed(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1, 2, 3))
    first = fetch(open_source(-1))
    vk.walls[-1][0] = {"id": 1, "owner_id": -1, "is_deleted": True}
    del vk.walls[-1][1]
    moment, timing = later(1)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert set(complaints(second)) == {
        ("-1_1", "deleted on VK"),
        ("-1_2", "VK no longer shows this post"),
    }
    assert keys(second, "snapshots") == [(-1, 3)]


def test_a_refresh_that_fails_is_made_up_for(open_source, vk: FakeVk):
    vk.token_kind = "service"
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 1))
    first = fetch(open_source(-1, -2))
    vk.errors["wall.getById", -1] = 15
    moment, timing = later(1)
    second = fetch(open_source(-1, -2, timing=timing), first[-1].watermark, moment)
    assert keys(second, "snapshots") == [(-2, 1)]
    assert [key for key, _ in complaints(second)] == ["-1 counts"]
    vk.errors.clear()
    third = fetch(open_source(-1, -2, timing=timing), second[-1].watermark, moment)
    assert keys(third, "snapshots") == [(-1, 1)]
    assert "-1 counts" in [key for chunk in third for key in chunk.mended]
