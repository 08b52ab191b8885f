"""Errors a person can act on, in two kinds: worth another try, or not before somebody acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar, Literal

from vkflow.printing import printable
from vkflow.translation import Message


class VkflowError(Exception):
    """Base of every error vkflow raises on purpose. The message says what, where, what next.

    What it quotes of others does nothing where it is shown, and a database can hold it.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class TransientError(VkflowError):
    """Another try may help: a time-out, a busy file, a server that answers 5xx."""


class TerminalError(VkflowError):
    """Another try fails in the same way until a person changes something."""


class SettingsError(TerminalError):
    """A setting is unknown, out of range, or does not fit the others."""


class NotReadyError(TerminalError):
    """A run must not begin: the disk is nearly full, or the clock has gone backwards."""


class SourceError(TerminalError):
    """A source cannot be read: no such file, not the expected format, no access."""


class TranslatedError(TerminalError):
    """What somebody reads who fills in a form: it has a translation, see :func:`translated_errors`.

    Attributes:
        catalogue: of its phrases.
        code: language it is in; English as all commands, unless it is changed.
        message: what it says.
    """

    catalogue: ClassVar[str]
    code: Literal["ru", "en"] = "en"

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(key)
        self.message = Message(self.catalogue, f"error_{key}", values)

    def __str__(self) -> str:
        return printable(self.message.in_language(self.code))


@contextmanager
def translated_errors(code: Literal["ru", "en"]) -> Iterator[None]:
    """Errors that leave the block are in this language, if they have a translation."""
    try:
        yield
    except TranslatedError as error:
        error.code = code
        raise


class DraftError(TranslatedError):
    """A draft cannot be forecast: it is empty, nobody's, or its picture is none."""

    catalogue = "drafts"


class TrialError(TranslatedError):
    """A trial cannot be planned, started or stopped: its lever is none, or too few posts tell."""

    catalogue = "trials"


class ExportError(TerminalError):
    """Predictions cannot be written to somebody's database: no access, or other columns."""


class MissingModelError(TerminalError):
    """Weights, a tokenizer or a bundle are not where they should be."""


class BadBundleError(TerminalError):
    """A bundle on disk is damaged or was not written by vkflow."""
