"""What `vkflow doctor --source vk` says of a token and of walls."""

import pytest

from tests.fakes.vk import FakeVk, Reply, make_post
from tests.fakes.vk_walls import NOW
from vkflow.errors import SettingsError, SourceError
from vkflow.settings.sources import VkSettings
from vkflow.sources.vk.access import check_access

HOUR_AGO = int(NOW.timestamp()) - 3_600


@pytest.fixture(autouse=True)
def _walls(vk: FakeVk) -> None:
    for owner_id in (-1, -2, 3):
        vk.add_wall(owner_id, [make_post(owner_id, 1, HOUR_AGO)])
    vk.administered = {-1}


def test_a_user_token_can_do_everything(vk_settings, timing):
    said = check_access(vk_settings(owners="-1,-2,3"), timing)
    assert said == (
        "3 of 3 walls can be read; packing with execute: yes; reach and hides: yes, "
        "of 1 communities"
    )


def test_a_service_token_cannot_pack_nor_see_reach(vk_settings, vk: FakeVk, timing):
    vk.token_kind = "service"
    said = check_access(vk_settings(owners="-1"), timing)
    assert said.startswith("1 of 1 walls can be read; packing with execute: no (execute: VK error")
    assert "reach and hides: no (stats.getPostReach: VK error 28" in said
    assert said.count("lives about an hour") == 1 and "a community token reads no walls" in said


def test_a_token_that_has_expired_says_how_long_which_kind_lives(vk_settings, vk, timing):
    vk.is_expired = True
    with pytest.raises(SourceError, match=r"VK error 1117 .*lives about an hour.*refresh token"):
        check_access(vk_settings(owners="-1"), timing)


def test_a_community_token_is_refused_with_the_remedy(vk_settings, vk: FakeVk, timing):
    vk.token_kind = "community"
    with pytest.raises(SourceError, match=r"VK error 27 .* user or service token"):
        check_access(vk_settings(owners="-1"), timing)


def test_walls_that_cannot_be_read_are_named(vk_settings, vk: FakeVk, timing):
    vk.errors["wall.get", -2] = 15
    with pytest.raises(SourceError) as raised:
        check_access(vk_settings(owners="-1,-2,nobody"), timing)
    said = str(raised.value)
    assert said.startswith("1 of 3 walls can be read")
    assert "-2: wall.get: VK error 15" in said and "nobody: no community" in said


def test_nobody_waits_long_for_a_server_that_is_down(vk_settings, vk: FakeVk, timing, pauses):
    vk.trouble("wall.get", *[Reply(b"", 500)] * 9)
    with pytest.raises(SourceError, match="HTTP 500"):
        check_access(vk_settings(owners="-1"), timing)
    assert vk.methods().count("wall.get") == 2 and len(pauses) == 1


def test_a_dead_token_and_missing_settings_are_said(vk_settings, timing):
    with pytest.raises(SourceError, match="wrong, expired or revoked"):
        check_access(vk_settings(owners="-1", token="dead"), timing)
    with pytest.raises(SettingsError, match="VKFLOW_VK__OWNERS"):
        check_access(vk_settings(), timing)
    with pytest.raises(SettingsError, match="VKFLOW_VK__TOKEN"):
        check_access(VkSettings.model_validate({"owners": "-1"}), timing)
