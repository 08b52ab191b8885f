"""The client against a server: every error code, slow and broken answers, pace, secrecy."""

import json
import logging
import pickle
import traceback
from time import monotonic

import pytest

from tests.fakes.vk import MESSAGES, TOKEN, FakeVk, Reply, VkFaultError, make_post
from tests.fakes.vk_calls import DAY, WALL
from vkflow.errors import SettingsError, TerminalError, TransientError
from vkflow.settings import load_settings
from vkflow.settings.sources import VkSettings
from vkflow.sources.vk.calls import Timing
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import (
    COOL_DOWN_SECONDS,
    OwnerError,
    SpentError,
    TooLargeError,
    UnavailableError,
    VkTokenError,
)
from vkflow.sources.vk.methods import resolve_name
from vkflow.sources.vk.pacing import DailyBudget, pause_seconds
from vkflow.sources.vk.tokens import token_of

pytestmark = pytest.mark.usefixtures("small_wall")


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
