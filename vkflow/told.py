"""Sentences that are told in the language of the home where a person reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml


@dataclass(frozen=True)
class Sentence:
    """A phrase of a catalogue, with what stands in its gaps.

    Attributes:
        catalogue: ``drafts`` or ``trials``: a folder of vkflow, and its files of phrases.
        key: of the phrase.
        values: in its gaps; a sentence among them is told in the same language.
    """

    catalogue: str
    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def told(self, code: Literal["ru", "en"]) -> str:
        """The sentence in Russian or English."""
        values = {
            name: value.told(code) if isinstance(value, Sentence) else value
            for name, value in self.values.items()
        }
        return str(_phrases(self.catalogue, code)[self.key]).format(**values)


@cache
def _phrases(catalogue: str, code: str) -> Mapping[str, Any]:
    file = files(f"vkflow.{catalogue}") / "catalogue" / f"{catalogue}.{code}.yaml"
    phrases: Mapping[str, Any] = yaml.safe_load(file.read_text("utf-8"))
    return phrases
