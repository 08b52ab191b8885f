"""Who owns a wall, by whatever name it is given."""

from typing import Any

import pytest

from tests.fakes.vk import FakeVk, Reply, make_post
from tests.fakes.vk_walls import complaints, fetch, fetch_failing, keys, later, rows, wall


@pytest.mark.parametrize(
    ("name", "owner_id"),
    [
        ("-1", -1),
        ("club1", -1),
        ("public1", -1),
        ("event1", -1),
        ("id7", 7),
        ("7", 7),
        ("lentach", -1),
        ("@lentach", -1),
        ("https://vk.com/lentach", -1),
        ("vk.com/lentach/", -1),
        ("https://m.vk.ru/club1", -1),
        ("durov", 7),
        ("https://vk.com/club1?w=wall-1_2", -1),
        ("vk.com/wall-1", -1),
        ("vk.ru/wall-1_55?reply=3", -1),
        ("https://vk.ru/lentach#top", -1),
        ("vk.com/@lentach", -1),
        ("https://vk.com/feed?w=wall-1_2", -1),
    ],
)
def test_owners_are_numbers_names_or_links(open_source, vk: FakeVk, name: str, owner_id: int):
    vk.names = {
        "lentach": {"type": "group", "object_id": 1},
        "durov": {"type": "user", "object_id": 7},
    }
    vk.add_wall(owner_id, wall(owner_id, 5))
    assert keys(fetch(open_source(name))) == [(owner_id, 1)]


def test_an_owner_named_twice_is_read_once(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5))
    fetch(open_source("-1", "club1", "public1"))
    assert vk.calls["wall.get"] == 1


def test_a_name_nobody_has_is_noted_and_the_others_are_read(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5))
    chunks = fetch(open_source("nobody", -1))
    assert complaints(chunks) == [("nobody", "no community and no person has this screen name")]
    assert keys(chunks) == [(-1, 1)]


def test_names_that_lead_nowhere_are_no_walls_either(open_source, vk: FakeVk):
    _, error = fetch_failing(open_source("nobody"))
    assert str(error) == (
        "no wall could be read: nobody: no community and no person has this screen name"
    )


@pytest.mark.parametrize("token_kind", ["user", "service"])
def test_an_id_nobody_has_is_named_and_the_other_walls_are_read_every_night(
    open_source, vk: FakeVk, token_kind: str
):
    vk.token_kind = token_kind
    since = None
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 5))
    for night in range(3):
        moment, timing = later(night)
        for owner_id in (-1, -2):
            vk.walls[owner_id].append(make_post(owner_id, 10 + night, int(moment.timestamp()) - 60))
        chunks = fetch(open_source(-1, -999, -2, timing=timing), since, moment)
        since = chunks[-1].watermark
        assert {(-1, 10 + night), (-2, 10 + night)} <= set(keys(chunks))
        ((key, reason),) = complaints(chunks)
        assert key == "-999" and "VK error 100" in reason


@pytest.mark.parametrize("name", ["@", "https://vk.com/", "vk.ru", "https://vk.com/?a=1", "@/"])
def test_an_entry_that_names_nobody_is_refused_when_settings_are_read(vk_settings, name: str):
    with pytest.raises(ValueError, match="nobody is named by"):
        vk_settings(owners=f"-1,{name}")


def test_posts_of_strangers_are_not_the_owners(open_source, vk: FakeVk):
    posts = wall(-1, 1, 2, 3)
    posts[1]["from_id"] = 55
    vk.add_wall(-1, posts)
    assert keys(fetch(open_source(-1))) == [(-1, 1), (-1, 3)]


def test_who_the_owners_are_comes_with_the_posts(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    vk.add_wall(7, wall(7, 1))
    vk.owners = {-1: {"id": 1, "name": "Котики &\n Ко", "screen_name": "cats", "members_count": 9}}
    chunks = fetch(open_source(-1, 7))
    assert sorted(rows(chunks, "owners", "owner_id", "name", "screen_name", "members")) == [
        (-1, "Котики & Ко", "cats", 9),
        (7, "Anna Number 7", "anna_7", 107),
    ]
    assert sorted(rows(chunks, "owners", "address")) == [
        ("https://vk.com/anna_7",),
        ("https://vk.com/cats",),
    ]


@pytest.mark.parametrize(
    "item",
    [
        {"id": 1},
        {"id": 1, "name": 5, "screen_name": [], "members_count": "many"},
        {"id": 1, "name": "", "screen_name": " ", "members_count": -1},
        {"id": 1, "name": "\ud800" * 0, "members_count": 2**70},
    ],
    ids=str,
)
def test_what_vk_does_not_say_of_an_owner_is_unknown(open_source, vk: FakeVk, item: dict):
    vk.add_wall(-1, wall(-1, 1))
    vk.owners = {-1: item}
    chunks = fetch(open_source(-1))
    assert rows(chunks, "owners", *chunks[0].owners.columns) == [
        (-1, None, None, None, "https://vk.com/club1")
    ]
    assert keys(chunks) == [(-1, 1)]


@pytest.mark.parametrize("trouble", [15, 100, 29, 27, Reply(b"[]"), Reply(b'{"response": 5}')])
def test_without_names_the_walls_are_read_all_the_same(open_source, vk: FakeVk, trouble: Any):
    vk.add_wall(-1, wall(-1, 1))
    vk.trouble("groups.getById", *[trouble] * 5)
    chunks = fetch(open_source(-1))
    assert keys(chunks) == [(-1, 1)] and rows(chunks, "owners", "owner_id") == []


@pytest.mark.parametrize("item", [5, None, {}, {"id": "x"}, {"id": True}, {"id": -4}])
def test_an_owner_without_a_number_is_noted(open_source, vk: FakeVk, item: Any):
    vk.add_wall(-1, wall(-1, 1))
    vk.owners = {-1: item}
    chunks = fetch(open_source(-1))
    assert [key for key, _ in complaints(chunks)] == ["owners"]
    vk.owners = {}
    again = fetch(open_source(-1), chunks[-1].watermark)
    assert "owners" in {key for chunk in again for key in chunk.mended}
