"""Tokens that live for an hour: renewed once they have expired, kept, and seen nowhere."""

import json
import logging
import traceback
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from tests.fakes.vk import TOKEN, FakeVk, Reply, make_post
from vkflow.errors import SettingsError
from vkflow.settings.sources import VkSettings
from vkflow.sources.vk.calls import Timing
from vkflow.sources.vk.client import VkClient
from vkflow.sources.vk.errors import UnavailableError, VkTokenError
from vkflow.sources.vk.methods import wall_get
from vkflow.sources.vk.pacing import DailyBudget
from vkflow.sources.vk.tokens import Tokens

REFRESH = "vk2.r.REFRESH-token-never-to-be-seen"
SHORT = wall_get(-1, 0, 5)


def stored(access: str | None = TOKEN) -> str:
    pair = {"refresh_token": REFRESH, "client_id": 51, "device_id": "device"}
    return json.dumps(pair if access is None else pair | {"access_token": access})


@pytest.fixture
def kept(vk: FakeVk) -> list[str]:
    vk.add_wall(-1, [make_post(-1, 1, 1_780_000_000)])
    vk.refresh_token = REFRESH
    return []


@pytest.fixture
def client(vk: FakeVk, vk_settings: Callable[..., VkSettings], timing: Timing, kept: list[str]):
    def opened(token: str, *, keeps: bool = True) -> VkClient:
        def keep(old: SecretStr, new: SecretStr) -> bool:
            kept.append(new.get_secret_value())
            return True

        settings = vk_settings(token=token, id_url=vk.address, attempts=1)
        budget = DailyBudget({}, lambda: timing.now().date())
        return VkClient(settings, budget, timing, keep if keeps else None)

    return opened


@pytest.mark.parametrize("access", [TOKEN, None])
def test_an_expired_token_is_renewed_and_the_new_pair_kept(client, vk, kept, access: str | None):
    vk.is_expired = True
    with client(stored(access)) as opened:
        assert opened.call(SHORT).value.count == 1
        assert opened.call(SHORT).value.count == 1
    assert len(vk.renewals) == 1
    asked = {name: vk.renewals[0][name] for name in ("grant_type", "refresh_token", "client_id")}
    assert asked == {"grant_type": "refresh_token", "refresh_token": REFRESH, "client_id": "51"}
    assert json.loads(kept[-1]) == {
        "access_token": "vk2.a.renewed-1",
        "refresh_token": "vk2.r.renewed-1",
        "client_id": "51",
        "device_id": "device",
    }
    vk.is_expired = True
    with client(kept[-1]) as opened:
        assert opened.call(SHORT).value.count == 1
    assert vk.renewals[1]["refresh_token"] == "vk2.r.renewed-1"


def test_a_token_that_lives_is_not_renewed(client, vk: FakeVk):
    with client(stored()) as opened:
        opened.call(SHORT)
    assert vk.renewals == []


def test_what_cannot_be_kept_is_not_renewed_for_the_old_pair_would_be_void(client, vk: FakeVk):
    vk.is_expired = True
    with (
        client(stored(), keeps=False) as opened,
        pytest.raises(VkTokenError, match=r"VK error 1117 .*has expired"),
    ):
        opened.call(SHORT)
    assert vk.renewals == []


def test_a_plain_token_that_has_expired_says_what_to_do(client, vk: FakeVk):
    vk.is_expired = True
    with client(TOKEN) as opened, pytest.raises(VkTokenError, match="Get a new one and set VKFLOW"):
        opened.call(SHORT)


@pytest.mark.parametrize("refused", ["used elsewhere", "nonsense", "a list"])
def test_a_refresh_token_vk_id_does_not_take_says_what_to_do(
    client, vk: FakeVk, monkeypatch: pytest.MonkeyPatch, refused: str
):
    vk.is_expired, vk.refresh_token = True, "another"
    bodies = {"nonsense": b"<html>", "a list": b"[]"}
    if refused in bodies:
        monkeypatch.setattr(vk, "renew", lambda _: Reply(bodies[refused]))
    with client(stored()) as opened, pytest.raises(VkTokenError, match="Sign in anew"):
        opened.call(SHORT)


def test_vk_id_that_does_not_answer_is_a_passing_fault(client, vk: FakeVk, monkeypatch):
    vk.is_expired = True
    monkeypatch.setattr(vk, "renew", lambda _: Reply(b"{}", cut_off=True))
    with client(stored()) as opened, pytest.raises(UnavailableError, match="VK ID: no answer"):
        opened.call(SHORT)


def test_no_token_of_either_pair_is_in_a_log_or_an_exception(
    client, vk: FakeVk, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    vk.is_expired, vk.refresh_token = True, "another"
    with pytest.raises(VkTokenError) as raised, client(stored()) as opened:
        opened.call(SHORT)
    vk.refresh_token = REFRESH
    with client(stored()) as opened:
        opened.call(SHORT)
    error = raised.value
    frames = traceback.TracebackException.from_exception(error, capture_locals=False)
    seen = "".join([*frames.format(), repr(error), str(vars(error)), caplog.text])
    for secret in (TOKEN, REFRESH, "renewed-1"):
        assert secret not in seen
    assert error.__context__ is None and error.__cause__ is None
    assert REFRESH not in repr(Tokens.read(SecretStr(stored())))


@pytest.mark.parametrize("token", ["{", "{}", '{"access_token": "a"}', '{"refresh_token": "r"}'])
def test_half_a_pair_is_refused(token: str):
    with pytest.raises(SettingsError, match="refresh_token"):
        Tokens.read(SecretStr(token))
