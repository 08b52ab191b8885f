"""Secrets of a deployment: kept in Prefect's Secret blocks, never in parameters or files."""

import json
import logging
from typing import Any, cast

from prefect.blocks.system import Secret
from pydantic import SecretStr

from vkflow.sources.vk.tokens import Tokens

logger = logging.getLogger(__name__)

VK_TOKEN = "vkflow-vk-token"  # noqa: S105 - the name of the block


def load_vk_token() -> SecretStr | None:
    """VK's token, or the JSON that renews it; ``None``: there is no such block."""
    try:
        block = cast("Secret[Any]", Secret.load(VK_TOKEN))
    except ValueError:  # there is no such block
        return None
    value = block.get()
    return SecretStr(json.dumps(value) if isinstance(value, dict) else str(value))


def keep_vk_token(old: SecretStr, new: SecretStr) -> bool:
    """Put a renewed token in the place of the old one, if that came from the block.

    Returns:
        Whether it is there now. Whatever befalls the block, the run has its token and goes on.
    """
    try:
        kept = load_vk_token()
        if kept is None or Tokens.read(kept) != Tokens.read(old):
            return False
        Secret(value=new.get_secret_value()).save(VK_TOKEN, overwrite=True)
    except Exception as error:
        logger.warning("the block %s cannot be written: %s", VK_TOKEN, type(error).__name__)
        return False
    return True
