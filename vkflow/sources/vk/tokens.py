"""The token of VK, and its renewal where it lives but an hour.

A user token of VK ID lives about an hour; with it comes a refresh token, which gives a new pair
once (https://id.vk.ru/about/business/go/docs/ru/vkid/latest/vk-id/connect/api-integration).
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from pydantic import SecretStr

from vkflow.errors import SettingsError
from vkflow.settings.sources import VkSettings
from vkflow.sources.vk.errors import KINDS

KeepToken = Callable[[SecretStr, SecretStr], bool]
"""Puts the second one where the first one is kept; false: it is not kept there."""


@dataclass(frozen=True, repr=False)
class Tokens:
    """An access token, and what renews it.

    Attributes:
        access: goes with every call; empty before the first renewal.
        refresh: gives the next pair; empty: it cannot be renewed.
        client_id: the application they were given to.
        device_id: the device they were given to.
    """

    access: str
    refresh: str = ""
    client_id: str = ""
    device_id: str = ""

    @classmethod
    def read(cls, token: SecretStr) -> Self:
        """A plain access token, or JSON: access_token, refresh_token, client_id, device_id.

        Raises:
            SettingsError: JSON with something else in it.
        """
        text = token.get_secret_value().strip()
        if not text.startswith("{"):
            return cls(text)
        given = None
        with suppress(ValueError):
            given = json.loads(text)
        wanted = ("refresh_token", "client_id", "device_id")
        if not isinstance(given, dict) or not all(given.get(name) for name in wanted):
            raise SettingsError(
                "the VK token begins like JSON, but is none with access_token, refresh_token, "
                "client_id and device_id"
            )
        names = ("access_token", *wanted)
        return cls(*(str(given.get(name) or "") for name in names))

    def form(self) -> dict[str, str]:
        """What VK ID is asked for a new pair with."""
        return {
            "grant_type": "refresh_token",
            "refresh_token": self.refresh,
            "client_id": self.client_id,
            "device_id": self.device_id,
            "state": "vkflow-nightly-renewal-of-the-token",
        }

    def renewed(self, answer: Any) -> "Tokens | None":
        """The pair VK ID answered; ``None``: it refused."""
        if not isinstance(answer, Mapping):
            return None
        access, refresh = answer.get("access_token"), answer.get("refresh_token")
        if not (isinstance(access, str) and access and isinstance(refresh, str) and refresh):
            return None
        return Tokens(access, refresh, self.client_id, self.device_id)

    def secret(self) -> SecretStr:
        """As :meth:`read` takes it."""
        if not self.refresh:
            return SecretStr(self.access)
        names = ("access_token", "refresh_token", "client_id", "device_id")
        values = (self.access, self.refresh, self.client_id, self.device_id)
        return SecretStr(json.dumps(dict(zip(names, values, strict=True))))

    def words(self) -> list[str]:
        """What must be seen nowhere."""
        return [word for word in (self.access, self.refresh) if word]


def token_of(settings: VkSettings) -> SecretStr:
    """The token.

    Raises:
        SettingsError: there is none.
    """
    if settings.token is None or not settings.token.get_secret_value().strip():
        raise SettingsError(
            "source = vk needs a token: set VKFLOW_VK__TOKEN to a user token, or to the service "
            "token of an application (https://id.vk.ru/about/business/go); in a deployment the "
            f"Prefect Secret block vkflow-vk-token will do. {KINDS}"
        )
    return settings.token
