"""Errors a person can act on, in two kinds: worth another try, or not before somebody acts."""

from vkflow.printing import printable


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


class DraftError(TerminalError):
    """A draft cannot be forecast: it is empty, nobody's, or its picture is none."""


class TrialError(TerminalError):
    """A trial cannot be planned, started or stopped: its lever is none, or too few posts tell."""


class ExportError(TerminalError):
    """Predictions cannot be written to somebody's database: no access, or other columns."""


class MissingModelError(TerminalError):
    """Weights, a tokenizer or a bundle are not where they should be."""


class BadBundleError(TerminalError):
    """A bundle on disk is damaged or was not written by vkflow."""
