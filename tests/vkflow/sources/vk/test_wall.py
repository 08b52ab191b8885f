"""Reading walls that move while they are read."""

import json
from datetime import timedelta
from itertools import count
from random import Random

import pytest

from tests.fakes.vk import FakeVk, Reply, make_post
from tests.fakes.vk_walls import NOW
from vkflow.sources.vk.errors import OwnerError, SpentError, TooLargeError, UnavailableError
from vkflow.sources.vk.methods import wall_get
from vkflow.sources.vk.wall import FIRST_PAGE, WallRead, read_wall

TOP = int(NOW.timestamp())
ANYTHING = (TOP - 90 * 86_400, 0)


def posts(*ids: int) -> list[dict]:
    """Ids are minutes before now: larger is newer."""
    return [make_post(-1, each, TOP - 100_000 + 60 * each) for each in ids]


def after(post_id: int) -> tuple[int, int]:
    return TOP - 100_000 + 60 * post_id, post_id


def ids(read: WallRead) -> list[int]:
    return [seen.post.post_id for seen in read.posts]


def test_a_wall_is_read_oldest_first_down_to_the_watermark(open_client, vk: FakeVk):
    vk.add_wall(-1, posts(*range(1, 251)))
    read = read_wall(open_client(), -1, after(30), NOW)
    assert read.problem is None and read.rejections == []
    assert ids(read) == list(range(31, 251))
    assert len(vk.requests) == 3
    assert {seen.asked_at for seen in read.posts} == {NOW}


def test_nothing_new_costs_one_request(open_client, vk: FakeVk):
    vk.add_wall(-1, posts(*range(1, 251)))
    assert ids(read_wall(open_client(), -1, after(250), NOW)) == []
    assert len(vk.requests) == 1


def test_an_empty_wall_is_read(open_client, vk: FakeVk):
    vk.add_wall(-1, [])
    read = read_wall(open_client(), -1, ANYTHING, NOW)
    assert (read.posts, read.problem) == ([], None)


def test_a_first_page_that_is_here_already_is_not_asked_again(open_client, vk: FakeVk):
    vk.add_wall(-1, posts(*range(1, 121)))
    client = open_client()
    first = client.call(wall_get(-1, 0, FIRST_PAGE))
    assert ids(read_wall(client, -1, after(110), NOW, first)) == list(range(111, 121))
    assert len(vk.requests) == 1
    assert ids(read_wall(client, -1, after(0), NOW, first)) == list(range(1, 121))


def test_an_old_pinned_post_does_not_end_the_reading(open_client, vk: FakeVk):
    wall = posts(*range(1, 251))
    wall[4]["is_pinned"] = 1
    vk.add_wall(-1, wall)
    assert ids(read_wall(open_client(), -1, after(100), NOW)) == list(range(101, 251))


def test_a_new_pinned_post_is_read_once(open_client, vk: FakeVk):
    wall = posts(*range(1, 21))
    wall[15]["is_pinned"] = 1
    vk.add_wall(-1, wall)
    assert ids(read_wall(open_client(), -1, after(10), NOW)) == list(range(11, 21))


def test_posts_that_arrive_meanwhile_shift_the_pages_and_nothing_is_read_twice(
    open_client, vk: FakeVk
):
    vk.add_wall(-1, posts(*range(1, 301)))
    arriving = iter(range(301, 1_000))
    vk.after_page = lambda _owner, _offset: vk.walls[-1].extend(
        posts(*(next(arriving) for _ in range(30)))
    )
    read = read_wall(open_client(), -1, after(0), NOW)
    assert read.problem is None
    assert ids(read) == sorted(set(ids(read)))
    assert set(range(1, 301)) <= set(ids(read))


@pytest.mark.parametrize("gone", [5, 10, 60])
def test_posts_deleted_meanwhile_shift_the_pages_and_nothing_is_passed_over(
    open_client, vk: FakeVk, gone: int
):
    vk.add_wall(-1, posts(*range(1, 301)))

    def delete_from_the_top(_owner: int, _offset: int) -> None:
        newest = sorted(post["id"] for post in vk.walls[-1])[-gone:]
        vk.walls[-1] = [post for post in vk.walls[-1] if post["id"] not in newest]

    vk.after_page = delete_from_the_top
    read = read_wall(open_client(), -1, after(0), NOW)
    left = {post["id"] for post in vk.walls[-1]}
    assert left <= set(ids(read))
    assert set(range(1, 301)) >= set(ids(read))


@pytest.mark.parametrize("seed", range(25))
def test_no_post_that_stays_is_missed_however_the_wall_moves(open_client, vk: FakeVk, seed: int):
    random, numbers = Random(seed), count(221)
    vk.add_wall(-1, posts(*range(1, 221)))

    def move(_owner: int, _offset: int) -> None:
        arriving = [next(numbers) for _ in range(random.randint(0, 25))]
        wall = vk.walls[-1] + posts(*arriving)
        gone = set(random.sample(range(len(wall)), random.randint(0, min(25, len(wall)))))
        vk.walls[-1] = [post for place, post in enumerate(wall) if place not in gone]

    vk.after_page = move
    read = read_wall(open_client(), -1, after(0), NOW)
    assert read.problem is None
    assert {post["id"] for post in vk.walls[-1]} & set(range(1, 221)) <= set(ids(read))


def test_posts_of_one_second_are_told_apart_by_their_number(open_client, vk: FakeVk):
    vk.add_wall(-1, [make_post(-1, number, TOP - 60) for number in range(1, 8)])
    assert ids(read_wall(open_client(), -1, (TOP - 60, 4), NOW)) == [5, 6, 7]


def test_posts_later_than_the_moment_of_the_run_wait_for_the_next(open_client, vk: FakeVk):
    vk.add_wall(-1, posts(*range(1, 11)))
    moment = NOW - timedelta(seconds=100_000 - 60 * 8)
    assert ids(read_wall(open_client(), -1, after(0), moment)) == list(range(1, 9))


def test_impossible_dates_are_handed_on_to_be_refused_and_end_nothing(open_client, vk: FakeVk):
    wall = posts(*range(1, 151))
    vk.add_wall(-1, [*wall, make_post(-1, 900, TOP + 10**8), make_post(-1, 901, 5)])
    read = read_wall(open_client(), -1, (0, 0), NOW)
    assert set(ids(read)) == {*range(1, 151), 900, 901}
    first = make_post(-1, 902, 5)
    answer = {"count": 151, "items": [*sorted(wall, key=lambda post: -post["id"])[:99], first]}
    vk.trouble("wall.get", Reply(json.dumps({"response": answer}).encode()))
    assert set(ids(read_wall(open_client(), -1, after(20), NOW))) == {*range(21, 151), 901, 902}


def test_broken_items_are_named_and_the_others_read(open_client, vk: FakeVk):
    wall = posts(*range(1, 6))
    wall[2]["text"] = 5
    vk.add_wall(-1, wall)
    read = read_wall(open_client(), -1, after(0), NOW)
    assert ids(read) == [1, 2, 4, 5] and read.problem is None
    assert [(each.key, each.reason) for each in read.rejections] == [("-1_3", "text is not a text")]


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [(15, OwnerError), (29, SpentError), (Reply(b"", 500), UnavailableError), (13, TooLargeError)],
)
def test_what_came_before_a_failure_is_kept(open_client, vk: FakeVk, trouble, kind: type):
    vk.add_wall(-1, posts(*range(1, 301)))
    client = open_client(attempts=1)
    calls = 0

    def fail_later(_owner: int, _offset: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            vk.trouble("wall.get", *[trouble] * 10)

    vk.after_page = fail_later
    read = read_wall(client, -1, after(0), NOW)
    assert isinstance(read.problem, kind)
    assert ids(read) == list(range(111, 301))


def test_pages_too_large_are_halved_until_they_fit(open_client, vk: FakeVk):
    vk.add_wall(-1, posts(*range(1, 121)))
    vk.padding = "x" * 100_000
    vk.max_bytes = 3_000_000
    read = read_wall(open_client(), -1, after(0), NOW)
    assert read.problem is None
    assert ids(read) == list(range(1, 121))


@pytest.mark.parametrize("items", [[], posts(1), posts(*range(1, 101))], ids=["none", "1", "100"])
def test_a_server_that_repeats_itself_is_left(open_client, vk: FakeVk, items: list[dict]):
    body = json.dumps({"response": {"count": 10**9, "items": items}}).encode()
    vk.add_wall(-1, [])
    vk.trouble("wall.get", *[Reply(body)] * 20)
    read = read_wall(open_client(), -1, after(0), NOW)
    assert len(vk.requests) <= 8
    assert ids(read) == [item["id"] for item in items]
    assert (read.problem is None) == (not items)


@pytest.mark.parametrize("count", [None, 0, -5])
def test_a_wall_that_does_not_tell_its_length_is_read(open_client, vk: FakeVk, count: int | None):
    answer = {"items": posts(3, 2, 1)} | ({} if count is None else {"count": count})
    vk.trouble("wall.get", Reply(json.dumps({"response": answer}).encode()))
    read = read_wall(open_client(), -1, after(0), NOW)
    assert ids(read) == [1, 2, 3] and read.problem is None
