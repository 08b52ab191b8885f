"""Settings with the secrets of a deployment, which its blocks keep."""

from tasks.secrets import VK_TOKEN, load_vk_token
from vkflow.settings import Settings

__all__ = ["VK_TOKEN", "with_secrets"]


def with_secrets(settings: Settings) -> Settings:
    """The settings with VK's token from its block, if VK is read and no variable gives one.

    Without the block they stay as they are, and opening the source says what is missing.
    """
    if settings.source != "vk" or settings.vk.token is not None:
        return settings
    token = load_vk_token()
    if token is None:
        return settings
    vk = settings.vk.model_copy(update={"token": token})
    return settings.model_copy(update={"vk": vk})
