"""Messages in the language of the home, where a person reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml


@dataclass(frozen=True)
class Message:
    """A phrase of a catalogue, with what stands in its gaps.

    Attributes:
        catalogue: ``drafts`` or ``trials``: a folder of vkflow, and its files of phrases.
        key: of the phrase.
        values: in its gaps; a message among them is in the same language.
    """

    catalogue: str
    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def in_language(self, code: Literal["ru", "en"]) -> str:
        """What it says in Russian or English."""
        values = {
            name: value.in_language(code) if isinstance(value, Message) else value
            for name, value in self.values.items()
        }
        return str(phrases(self.catalogue, code)[self.key]).format(**values)


@cache
def phrases(catalogue: str, code: Literal["ru", "en"], folder: str | None = None) -> dict[str, Any]:
    """The phrases of a catalogue, in Russian or English.

    Args:
        catalogue: its name.
        code: the language.
        folder: of vkflow, where it is; by default the one that is called so.
    """
    file = files(f"vkflow.{folder or catalogue}") / "catalogue" / f"{catalogue}.{code}.yaml"
    found: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return found
