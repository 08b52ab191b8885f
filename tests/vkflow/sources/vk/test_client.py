"""The client against a server: every error code, slow and broken answers, pace, secrecy."""

import json
import logging
import pickle
import threading
import traceback
from datetime import timedelta
from time import monotonic

import pytest

from tests.fakes.vk import MESSAGES, TOKEN, FakeVk, Reply, VkFaultError, make_post
from vkflow.errors import SettingsError, TerminalError, TransientError
from vkflow.settings import load_settings
from vkflow.settings.sources import VkSettings
from vkflow.sources.vk.calls import Answer, Timing
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import (
    COOL_DOWN_SECONDS,
    OwnerError,
    SpentError,
    TooLargeError,
    UnavailableError,
    VkTokenError,
)
from vkflow.sources.vk.methods import posts_by_id, resolve_name, try_execute, wall_get
from vkflow.sources.vk.pacing import DailyBudget, TokenBucket, pause_seconds
from vkflow.sources.vk.tokens import token_of

DAY = 1_780_000_000
WALL = wall_get(-1, 0, 100)
SHORT = wall_get(-1, 0, 5)


@pytest.fixture(autouse=True)
def _one_wall(vk: FakeVk) -> None:
    vk.add_wall(-1, [make_post(-1, number, DAY + number) for number in range(1, 6)])


def test_a_page_of_a_wall_comes_typed(open_client, vk: FakeVk, timing: Timing):
    answer = open_client().call(WALL)
    assert answer.value.count == 5
    assert [item["id"] for item in answer.value.items] == [5, 4, 3, 2, 1]
    assert answer.asked_at == timing.now()
    ((method, params),) = vk.requests
    assert method == "wall.get"
    assert params == {
        "owner_id": "-1",
        "offset": "0",
        "count": "100",
        "filter": "owner",
        "v": "5.199",
        "access_token": TOKEN,
    }


def test_version_and_host_are_settings(open_client, vk: FakeVk):
    open_client(api_version="5.200", api_url=vk.address + "/").call(WALL)
    assert vk.requests[0][1]["v"] == "5.200"


PASSING = [1, 6, 10, 32, 36, 43]


@pytest.mark.parametrize("code", PASSING)
def test_a_passing_error_is_tried_again(open_client, vk: FakeVk, pauses: list[float], code: int):
    vk.trouble("wall.get", code, code)
    assert open_client().call(WALL).value.count == 5
    assert pauses == [0.75, 1.5]


@pytest.mark.parametrize("subcode", [1133, 1134])
def test_access_denied_to_the_method_is_the_tokens_fault_not_the_walls(
    open_client, vk: FakeVk, subcode: int
):
    vk.errors["wall.get", -1] = VkFaultError(15, subcode)
    with pytest.raises(VkTokenError, match=r"VK error 15 .* right to this method"):
        open_client().call(WALL)


@pytest.mark.parametrize("code", [29, 601])
def test_calls_used_up_are_not_asked_for_again_today(open_client, vk: FakeVk, code: int):
    client = open_client()
    vk.trouble("wall.get", code)
    for _ in range(2):
        with pytest.raises(SpentError, match="goes on tomorrow"):
            client.call(WALL)
    assert vk.methods() == ["wall.get"]


@pytest.mark.parametrize("code", [28, 5])
def test_a_token_that_has_expired_is_not_called_the_wrong_kind(
    open_client, vk: FakeVk, monkeypatch: pytest.MonkeyPatch, code: int
):
    monkeypatch.setitem(MESSAGES, code, "Authorization failed: access_token has expired.")
    vk.trouble("wall.get", code)
    with pytest.raises(VkTokenError, match=r"expired.*Get a new one") as raised:
        open_client().call(WALL)
    assert raised.value.is_expired
    assert "service token cannot" not in str(raised.value)


BROKEN = {
    "a server error": Reply(b"oops", 502),
    "a busy server": Reply(b"", 503),
    "a proxy's page": Reply(b"<html>Bad gateway</html>"),
    "nothing": Reply(b""),
    "half of the JSON": Reply(b'{"response": {"count": 5, "ite'),
    "a list": Reply(b"[]"),
    "null": Reply(b"null"),
    "neither response nor error": Reply(b"{}"),
    "an error without a code": Reply(b'{"error": {}}'),
    "an error with a word for a code": Reply(b'{"error": {"error_code": "five"}}'),
    "an error that is a text": Reply(b'{"error": "no"}'),
    "a response of another shape": Reply(b'{"response": [1, 2]}'),
    "items that are an object": Reply(b'{"response": {"count": 1, "items": {}}}'),
    "not UTF-8": Reply(b'{"response": "\xff\xfe"}'),
    "nested a million deep": Reply(b"[" * 1_000_000),
    "a number without an end": Reply(b'{"response": ' + b"9" * 5_000 + b"}"),
    "a redirect": Reply(b"", 302, {"Location": "https://example.com/"}),
    "cut off": Reply(b'{"response": {}}', cut_off=True),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_tried_again(open_client, vk: FakeVk, pauses: list[float], name: str):
    vk.trouble("wall.get", BROKEN[name])
    assert open_client(timeout_seconds=2).call(WALL).value.count == 5
    assert len(pauses) == 1


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answers_without_end_are_given_up(open_client, vk: FakeVk, name: str):
    vk.trouble("wall.get", *[BROKEN[name]] * 2)
    with pytest.raises(UnavailableError, match=r"^wall\.get: ") as raised:
        open_client(timeout_seconds=2, attempts=2).call(WALL)
    assert isinstance(raised.value, TransientError)
    assert len(str(raised.value)) < 300


SLOW = {
    "silent": Reply(b"{}", delay=3),
    "a byte now and then": Reply(b'{"response": {}}', drip=0.1),
    "a header now and then": Reply(
        b"{}", headers={f"X-{number}": "x" for number in range(40)}, drip_headers=0.1
    ),
}


@pytest.mark.parametrize("name", SLOW)
def test_a_slow_answer_is_given_up_when_its_time_is_over(open_client, vk: FakeVk, name: str):
    vk.trouble("wall.get", SLOW[name])
    start = monotonic()
    with pytest.raises(UnavailableError, match=r"no whole answer in 0\.4 seconds"):
        open_client(timeout_seconds=0.4, attempts=1).call(WALL)
    assert monotonic() - start < 2
    assert open_client().call(WALL).value.count == 5


def test_no_server_is_a_message_not_a_stack(open_client):
    with pytest.raises(UnavailableError, match="no answer: All connection attempts failed"):
        open_client(api_url="http://127.0.0.1:9", attempts=1).call(WALL)


def test_after_failures_in_a_row_each_request_gets_one_try(
    open_client, vk: FakeVk, pauses: list[float]
):
    client = open_client(attempts=4)
    vk.trouble("wall.get", *[10] * 14)
    for _ in range(5):
        with pytest.raises(UnavailableError):
            client.call(WALL)
    assert len(vk.requests) == 3 * 4 + 2
    assert client.call(WALL).value.count == 5
    vk.trouble("wall.get", 10, 10, 10)
    assert client.call(WALL).value.count == 5


def test_pauses_grow_to_a_ceiling_with_jitter():
    longest = [pause_seconds(attempt, 60, 0.999999) for attempt in range(1, 9)]
    assert longest == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60], rel=1e-3)
    shortest = [pause_seconds(attempt, 60, 0) for attempt in range(1, 9)]
    assert shortest == pytest.approx([pause / 2 for pause in longest], rel=1e-3)


@pytest.mark.parametrize(
    ("value", "pause"),
    [
        ("7", 7),
        ("0", 0.75),
        ("-3", 0.75),
        ("soon", 0.75),
        ("", 0.75),
        ("Mon, 01 Jun 2026 02:30:20 GMT", 20),
        ("Mon, 01 Jun 2026 02:00:00 GMT", 0.75),
    ],
)
def test_retry_after_is_honoured(
    open_client, vk: FakeVk, pauses: list[float], value: str, pause: float
):
    vk.trouble("wall.get", Reply(b"", 429, {"Retry-After": value}))
    open_client().call(WALL)
    assert pauses == [pause]


def test_a_server_that_wants_an_hour_is_left_for_the_next_night(
    open_client, vk: FakeVk, pauses: list[float]
):
    vk.trouble("wall.get", Reply(b"", 503, {"Retry-After": "3600"}))
    with pytest.raises(UnavailableError, match="HTTP 503"):
        open_client().call(WALL)
    assert pauses == [] and len(vk.requests) == 1


def test_flood_control_cools_down(open_client, vk: FakeVk, pauses: list[float]):
    vk.trouble("wall.get", 9)
    open_client().call(WALL)
    assert pauses == [COOL_DOWN_SECONDS]


NEWLY_TERMINAL = (2, 3, 4, 11, 16, 20, 21, 24, 25, 33, 34, 35, 38, 41, 42, 101, 1114)
NEWLY_TERMINAL += (1116, 1117, 1118, *range(3300, 3306), 3609, 3610, 3611, 9999, 11500)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (5, "VKFLOW_VK__TOKEN"),
        (8, "VKFLOW_VK__API_VERSION"),
        (14, "captcha"),
        (17, "Sign in at vk.com"),
        (23, "switched this method off"),
        (27, "user or service token"),
        (28, "user token"),
        *((code, "application|VERSION|token|browser|API_URL|VK__TOKEN") for code in NEWLY_TERMINAL),
    ],
)
def test_a_terminal_error_says_what_to_do_and_is_not_tried_again(
    open_client, vk: FakeVk, code: int, remedy: str
):
    vk.trouble("wall.get", code)
    with pytest.raises(VkTokenError, match=rf"wall\.get: VK error {code} .*{remedy}") as raised:
        open_client().call(WALL)
    assert isinstance(raised.value, TerminalError)
    assert len(vk.requests) == 1


@pytest.mark.parametrize(
    "code", [7, 15, 18, 19, 30, 37, 210, 39, 40, 100, 104, 113, 125, 200, 203, 424242]
)
def test_an_owners_error_is_that_owners(open_client, vk: FakeVk, code: int):
    vk.trouble("wall.get", code)
    with pytest.raises(OwnerError, match=rf"wall\.get: VK error {code} "):
        open_client().call(WALL)
    assert len(vk.requests) == 1


def test_too_large_an_answer_is_said(open_client, vk: FakeVk):
    vk.trouble("wall.get", 13)
    with pytest.raises(TooLargeError):
        open_client().call(WALL)


def test_five_megabytes_are_read(open_client, vk: FakeVk):
    vk.padding = "щ" * 490_000
    answer = open_client().call(WALL)
    assert sum(len(item["x"]) for item in answer.value.items) == 5 * 490_000


def test_an_endless_answer_is_too_large(open_client, vk: FakeVk, monkeypatch):
    monkeypatch.setattr("vkflow.sources.vk.client.MAX_ANSWER_BYTES", 1_000_000)
    vk.trouble("wall.get", Reply(b" " * 1_100_000))
    with pytest.raises(TooLargeError, match=r"more than 1\.0 MiB"):
        open_client().call(WALL)


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


@pytest.mark.parametrize(
    ("answer", "owner_id"),
    [
        ({"type": "group", "object_id": 7}, -7),
        ({"type": "page", "object_id": 8}, -8),
        ({"type": "user", "object_id": 9}, 9),
        ({"type": "application", "object_id": 9}, None),
        ([], None),
    ],
)
def test_a_screen_name_is_a_community_a_person_or_nobody(
    open_client, vk: FakeVk, answer: object, owner_id: int | None
):
    vk.names["name"] = answer
    assert open_client().call(resolve_name("name")).value == owner_id


@pytest.mark.parametrize("token", [None, "", "  "])
def test_without_a_token_nothing_begins(token: str | None):
    settings = VkSettings(token=token)
    with pytest.raises(SettingsError, match="VKFLOW_VK__TOKEN"):
        token_of(settings)
    with pytest.raises(SettingsError, match="VKFLOW_VK__TOKEN"):
        VkClient(settings, DailyBudget({}, lambda: None))


def test_a_wrong_token_is_named_as_such(open_client):
    with pytest.raises(VkTokenError, match="wrong, expired or revoked"):
        open_client(token="another").call(WALL)


@pytest.mark.parametrize("url", ["http://api.vk.com", "api.vk.com", "http://10.0.0.1", "ftp://x"])
def test_the_token_is_not_sent_in_the_clear(url: str):
    with pytest.raises(SettingsError, match="https"):
        load_settings(vk={"api_url": url})


LEAKY = {
    "terminal": 5,
    "of an owner": 15,
    "passing": 10,
    "HTTP": Reply(TOKEN.encode(), 500),
    "no JSON": Reply(TOKEN.encode()),
    "cut off": Reply(TOKEN.encode(), cut_off=True),
    "slow": Reply(TOKEN.encode(), delay=2),
}


@pytest.mark.parametrize("name", LEAKY)
def test_the_token_is_in_no_exception_and_no_log(
    open_client, vk: FakeVk, caplog: pytest.LogCaptureFixture, name: str
):
    """VK, or a proxy, may echo the token: the fake one always does."""
    caplog.set_level(logging.DEBUG)
    vk.trouble("wall.get", *[LEAKY[name]] * 3)
    with pytest.raises(Exception) as raised:
        open_client(attempts=2, timeout_seconds=0.5).call(WALL)
    error = raised.value
    frames = traceback.TracebackException.from_exception(error)
    seen = "".join([*frames.format(), repr(error), str(vars(error)), caplog.text])
    assert TOKEN not in seen and TOKEN[8:30] not in seen
    assert TOKEN.encode() not in pickle.dumps((type(error), error.args, vars(error)))
    assert error.__context__ is None and error.__cause__ is None


def test_the_token_is_in_no_answer(open_client, vk: FakeVk):
    vk.add_wall(-1, [make_post(-1, 1, DAY, text=f"echo {TOKEN}")])
    assert TOKEN not in json.dumps(open_client().call(WALL).value.items)


def test_settings_do_not_show_the_token(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VKFLOW_VK__TOKEN", TOKEN)
    settings = load_settings()
    assert settings.vk.token is not None
    shown = [repr(settings), str(settings), settings.model_dump_json(), repr(settings.vk)]
    assert all(TOKEN not in each for each in shown)


def test_execute_of_nothing_tells_whether_the_token_may(open_client, vk: FakeVk):
    assert open_client().call(try_execute()).value == 1
    vk.token_kind = "service"
    with pytest.raises(VkTokenError, match="service token cannot"):
        open_client().call(try_execute())
