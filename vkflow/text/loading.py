"""How a setting becomes a text encoder."""

import logging

from vkflow.settings import Settings
from vkflow.text.budgets import RememberedBudgets
from vkflow.text.e5.directory import NAME as E5_SMALL
from vkflow.text.e5.directory import PACKAGE, ensure_e5_small, packaged_weights
from vkflow.text.encoders import TextEncoder

logger = logging.getLogger(__name__)


def load_encoder(settings: Settings) -> TextEncoder:
    """The encoder the settings name; the offline default is made at first use.

    Raises:
        MissingModelError: its weights are not on this machine and the hub gives none.
        NotReadyError: the disk has no room for the offline default.
        SettingsError: the device or precision does not exist here.
    """
    from vkflow.text.checkpoints import load_transformer_encoder

    text = settings.text
    return load_transformer_encoder(
        _model(settings),
        revision=text.revision,
        max_tokens=text.max_tokens,
        token_budget=text.token_budget,
        budgets=RememberedBudgets(settings.token_budgets_file),
        device=settings.device,
        precision=settings.precision,
    )


def weights_to_unpack(settings: Settings) -> str | None:
    """Package and version that the offline default will be made of; ``None``: of none.

    Raises:
        MissingModelError: it is needed, and missing or damaged.
    """
    is_made = (settings.hub_directory / E5_SMALL).exists()
    if is_made or settings.text.encoder not in (E5_SMALL, PACKAGE):
        return None
    _, version = packaged_weights()
    return f"{PACKAGE} {version}"


def _model(settings: Settings) -> str:
    """Hub name or directory of the model."""
    name = settings.text.encoder
    if name == PACKAGE:
        logger.warning(
            "the encoder %s is now called %s: the same weights, read several times as fast by "
            "transformers. Its vectors are its own, so texts are embedded once more.",
            PACKAGE,
            E5_SMALL,
        )
        name = E5_SMALL
    return str(ensure_e5_small(settings.hub_directory)) if name == E5_SMALL else name
