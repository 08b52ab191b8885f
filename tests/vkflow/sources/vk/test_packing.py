"""Many calls in one request."""

import json

import pytest

from tests.fakes.vk import FakeVk, Reply
from tests.fakes.vk_calls import SHORT, WALL
from vkflow.sources.vk.calls import Answer
from vkflow.sources.vk.errors import (
    OwnerError,
    SpentError,
    VkTokenError,
)
from vkflow.sources.vk.methods import posts_by_id, try_execute, wall_get

pytestmark = pytest.mark.usefixtures("small_wall")


def test_many_calls_are_packed_into_one_request(open_client, vk: FakeVk):
    calls = [wall_get(-1, offset, 1) for offset in range(5)]
    answers = open_client().pack(calls)
    assert [answer.value.items[0]["id"] for answer in answers] == [5, 4, 3, 2, 1]
    assert vk.methods() == ["execute"]


def test_packing_takes_25_calls_a_request_and_counts_each(open_client, vk: FakeVk):
    client = open_client(daily_budgets={"wall.get": 60})
    assert None not in client.pack([SHORT] * 60)
    assert vk.methods() == ["execute"] * 3
    with pytest.raises(SpentError):
        client.call(WALL)


def test_a_budget_too_small_for_a_pack_is_left_to_single_calls(open_client, vk: FakeVk):
    client = open_client(daily_budgets={"wall.get": 3})
    assert client.pack([WALL] * 4) == [None] * 4
    assert vk.methods() == []


def test_a_call_that_fails_inside_a_pack_says_why_and_costs_no_second_one(open_client, vk: FakeVk):
    vk.add_wall(-2, [])
    vk.errors["wall.get", -2] = 15
    answers = open_client().pack([SHORT, wall_get(-2, 0, 1), SHORT])
    assert [type(answer) for answer in answers] == [Answer, OwnerError, Answer]
    assert "wall.get: VK error 15" in str(answers[1])
    assert vk.calls["wall.get"] == 3


@pytest.mark.parametrize("errors", [None, 5, [], [{"error_code": 15}] * 2, [{"error_code": "x"}]])
def test_a_failed_call_of_a_pack_without_one_reason_is_left_to_be_made_alone(
    open_client, vk: FakeVk, errors: object
):
    answer = {"response": [False, {"count": 0, "items": []}], "execute_errors": errors}
    vk.trouble("execute", Reply(json.dumps(answer).encode()))
    first, second = open_client().pack([SHORT, SHORT])
    assert first is None and isinstance(second, Answer)


def test_a_daily_limit_told_inside_a_pack_stops_the_method(open_client, vk: FakeVk):
    vk.daily = {"wall.get": 2}
    client = open_client()
    answers = client.pack([SHORT] * 3)
    assert [type(answer) for answer in answers] == [Answer, Answer, SpentError]
    with pytest.raises(SpentError):
        client.call(SHORT)
    assert vk.methods() == ["execute"]


@pytest.mark.parametrize("kind", ["service", "community"])
def test_a_token_that_may_not_pack_is_asked_once(open_client, vk: FakeVk, kind: str):
    vk.token_kind = kind
    client = open_client()
    if kind == "service":
        assert client.pack([WALL, WALL]) == client.pack([WALL, WALL]) == [None, None]
        assert vk.methods() == ["execute"]
    else:
        assert client.pack([WALL, WALL]) == [None, None]


def test_calls_vk_did_not_make_since_it_refused_to_pack_are_not_counted(open_client, vk: FakeVk):
    vk.token_kind = "service"
    client = open_client(daily_budgets={"wall.get": 4})
    assert client.pack([SHORT] * 4) == [None] * 4
    for _ in range(4):
        client.call(SHORT)
    with pytest.raises(SpentError):
        client.call(SHORT)
    assert vk.calls["wall.get"] == 4


def test_a_pack_too_large_is_halved(open_client, vk: FakeVk):
    vk.padding = "x" * 100_000
    vk.max_bytes = 2_500_000
    answers = open_client().pack([SHORT] * 8)
    assert None not in answers
    assert vk.methods() == ["execute"] * 3


def test_a_size_that_worked_is_remembered(open_client, vk: FakeVk):
    vk.padding = "x" * 100_000
    vk.max_bytes = 2_500_000
    client = open_client()
    for _ in range(3):
        assert None not in client.pack([SHORT] * 8)
    assert vk.methods() == ["execute"] * 7


@pytest.mark.parametrize("trouble", [13, 10, 36, Reply(b"", 502), Reply(b"{}", delay=0.8)], ids=str)
def test_a_pack_vk_cannot_answer_is_halved_and_every_call_of_every_try_is_counted(
    open_client, vk: FakeVk, trouble
):
    client = open_client(daily_budgets={"wall.get": 50}, timeout_seconds=0.4)
    vk.trouble("execute", trouble)
    assert None not in client.pack([SHORT] * 20)
    assert vk.methods() == ["execute"] * 3
    assert vk.calls["wall.get"] == 40
    for _ in range(10):
        client.call(SHORT)
    with pytest.raises(SpentError):
        client.call(SHORT)
    assert vk.calls["wall.get"] == 50


def test_a_server_that_asks_to_wait_is_not_asked_for_less_at_once(
    open_client, vk: FakeVk, pauses: list[float]
):
    vk.trouble("execute", Reply(b"", 503, {"Retry-After": "7"}))
    assert None not in open_client().pack([SHORT] * 4)
    assert pauses == [7] and vk.methods() == ["execute"] * 2
    vk.trouble("execute", Reply(b"", 503, {"Retry-After": "3600"}))
    assert open_client().pack([SHORT] * 4) == [None] * 4
    assert pauses == [7] and vk.methods() == ["execute"] * 3


def test_a_pack_that_is_tried_again_is_counted_again(open_client, vk: FakeVk):
    client = open_client(daily_budgets={"wall.get": 9})
    vk.trouble("execute", 6)
    assert None not in client.pack([SHORT] * 4)
    with pytest.raises(SpentError):
        for _ in range(2):
            client.call(SHORT)
    assert vk.calls["wall.get"] == 9


def test_a_server_that_is_down_costs_few_packs(open_client, vk: FakeVk):
    vk.trouble("execute", *[Reply(b"", 502)] * 99)
    assert open_client().pack([SHORT] * 25) == [None] * 25
    assert vk.calls["wall.get"] <= 25 + 12 + 6 + 3 + 1


def test_at_most_four_hundred_posts_are_asked_for_in_one_request(open_client, vk: FakeVk):
    client = open_client()
    client.pack([posts_by_id(-1, list(range(1, 101)))] * 9)
    client.pack([wall_get(-1, 0, 20)] * 25)
    packed = [params["code"].count("API.") for method, params in vk.requests]
    assert packed == [4, 4, 20, 5]
    assert vk.methods() == ["execute"] * 4


def test_a_pack_that_answers_nonsense_is_left_to_single_calls(open_client, vk: FakeVk):
    vk.trouble("execute", *[Reply(b'{"response": [1, 2, 3]}')] * 5)
    assert open_client().pack([WALL, WALL]) == [None, None]
    vk.trouble("execute", Reply(b'{"response": [{"items": 5}, 7]}'))
    assert open_client().pack([WALL, WALL]) == [None, None]


def test_execute_of_nothing_tells_whether_the_token_may(open_client, vk: FakeVk):
    assert open_client().call(try_execute()).value == 1
    vk.token_kind = "service"
    with pytest.raises(VkTokenError, match="service token cannot"):
        open_client().call(try_execute())
