"""Reach and hides, which administrators alone are told."""

import json
from typing import Any

import pytest

from tests.fakes.vk import FakeVk, Reply, make_post
from tests.fakes.vk_walls import NOW, complaints, fetch, later, rows, wall


def test_reach_and_hides_come_for_administered_communities(open_source, vk: FakeVk):
    for owner_id in (-1, -2, 3):
        vk.add_wall(owner_id, wall(owner_id, *range(1, 41)))
    vk.administered = {-1}
    chunks = fetch(open_source(-1, -2, 3))
    reach = set(rows(chunks, "snapshots", "owner_id", "reach", "hides"))
    assert reach == {(-1, 900, 4), (-2, None, None), (3, None, None)}
    assert complaints(chunks) == []
    assert vk.methods().count("stats.getPostReach") == 2 + 1


@pytest.mark.parametrize("trouble", [7, 15, 23, 27, 28, 29, 100, 10, Reply(b"[]"), 13])
def test_without_reach_the_counts_come_all_the_same(open_source, vk: FakeVk, trouble: Any):
    vk.add_wall(-1, wall(-1, 1, 2))
    vk.administered = {-1}
    vk.trouble("stats.getPostReach", *[trouble] * 10)
    chunks = fetch(open_source(-1))
    assert rows(chunks, "snapshots", "reach") == [(None,), (None,)]


def test_malformed_rows_of_reach_are_noted_and_the_good_ones_used(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1, 2))
    vk.administered = {-1}
    vk.reach_rows = lambda _owner, _ids: [
        5,
        {"post_id": 1, "reach_total": 800, "hide": 2},
        {"post_id": 2, "reach_total": "many"},
    ]
    chunks = fetch(open_source(-1))
    assert rows(chunks, "snapshots", "reach", "hides") == [(800, 2), (None, None)]
    assert len(complaints(chunks)) == 2
    assert all(key.endswith(" reach") for key, _ in complaints(chunks))


def test_reach_is_asked_for_the_newest_posts_first_and_comes_for_those_vk_has_it_of(
    open_source, vk: FakeVk
):
    vk.add_wall(-1, wall(-1, *range(1, 451)))
    vk.administered = {-1}
    chunks = fetch(open_source(-1))
    known = {post for post, reach in rows(chunks, "snapshots", "post_id", "reach") if reach}
    assert known == set(range(151, 451))
    assert len(rows(chunks, "snapshots", "post_id")) == 450
    asked = [params for method, params in vk.requests if method == "stats.getPostReach"]
    assert asked[0]["post_ids"].split(",")[0] == "450"
    assert len(asked) == 10 + 3, "after three batches in vain it stops"


def test_a_batch_of_reach_that_vk_does_not_take_costs_only_itself(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, *range(1, 91)))
    vk.administered = {-1}
    vk.trouble("stats.getPostReach", 100)
    chunks = fetch(open_source(-1))
    known = {post for post, reach in rows(chunks, "snapshots", "post_id", "reach") if reach}
    assert known == set(range(1, 61))


def test_a_community_without_rights_is_asked_for_its_reach_once_a_week(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    since, asked = None, []
    for day in range(9):
        moment, timing = later(day)
        vk.walls[-1].append(make_post(-1, 10 + day, int(moment.timestamp()) - 60))
        chunks = fetch(open_source(-1, timing=timing), since, moment)
        since = chunks[-1].watermark
        asked.append(vk.calls["stats.getPostReach"])
    assert asked == [1] * 7 + [2] * 2
    vk.administered = {-1}
    moment, timing = later(15)
    vk.walls[-1].append(make_post(-1, 99, int(moment.timestamp()) - 60))
    chunks = fetch(open_source(-1, timing=timing), since, moment)
    assert (99, 900) in rows(chunks, "snapshots", "post_id", "reach")
    assert "reach_refused_at" not in json.loads(chunks[-1].watermark or "")["owners"]["-1"]


def test_complaints_about_reach_are_cleared_when_it_comes_whole(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    vk.administered = {-1}
    vk.reach_rows = lambda _owner, _ids: ["nonsense", {"post_id": 1, "hide": "many"}]
    first = fetch(open_source(-1))
    assert {key for key, _ in complaints(first)} == {"-1 reach", "-1_1 reach"}
    vk.reach_rows = None
    moment, timing = later(1)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert complaints(second) == []
    mended = {key for chunk in second for key in chunk.mended}
    assert {"-1 reach", "-1_1 reach"} <= mended


def test_a_complaint_about_reach_is_cleared_by_the_next_new_post(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    vk.administered = {-1}
    vk.reach_rows = lambda _owner, _ids: ["nonsense"]
    first = fetch(open_source(-1))
    vk.reach_rows = None
    vk.walls[-1].append(make_post(-1, 9, int(NOW.timestamp()) - 60))
    second = fetch(open_source(-1), first[-1].watermark)
    assert "-1 reach" in {key for chunk in second for key in chunk.mended}


def test_rows_of_reach_of_other_posts_are_nobodys(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    vk.administered = {-1}
    vk.reach_rows = lambda _owner, _ids: [{"post_id": 77, "reach_total": 5, "hide": 1}]
    chunks = fetch(open_source(-1))
    assert rows(chunks, "snapshots", "post_id", "reach") == [(1, None)]


def test_it_is_told_whether_reposts_count_messages(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    columns = ("reposts", "shares_to_message", "reposts_with_messages")
    assert rows(fetch(open_source(-1)), "snapshots", *columns) == [(2, 3, False)]
    vk.token_kind = "service"
    assert rows(fetch(open_source(-1)), "snapshots", *columns) == [(5, None, True)]
