"""Secrets of a deployment: kept in Prefect's Secret blocks, never in parameters or files."""

from typing import cast

from prefect.blocks.system import Secret
from pydantic import SecretStr

from vkflow.settings import Settings

VK_TOKEN = "vkflow-vk-token"  # noqa: S105 - the name of the block


def with_secrets(settings: Settings) -> Settings:
    """The settings with VK's token from its block, if VK is read and no variable gives one.

    Without the block they stay as they are, and opening the source says what is missing.
    """
    if settings.source != "vk" or settings.vk.token is not None:
        return settings
    try:
        block = cast("Secret[str]", Secret.load(VK_TOKEN))
    except ValueError:  # there is no such block
        return settings
    vk = settings.vk.model_copy(update={"token": SecretStr(block.get())})
    return settings.model_copy(update={"vk": vk})
