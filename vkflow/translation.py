"""Messages and numbers in the language of the home, where a person reads them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any, Literal

import yaml

NO_BREAK = "\u00a0"
MINUS = "\u2212"
SIGNS = {
    "ru": str.maketrans({",": NO_BREAK, ".": ",", "-": MINUS}),
    "en": str.maketrans({"-": MINUS}),
}
"""What stands in numbers, by language, for what Python writes."""

NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?%?")
"""As Python writes it."""


def localised(number: str, code: Literal["ru", "en"]) -> str:
    """A number as Python writes it, such as 1,234.5 or -3.2%, in the form of a language.

    In Russian that is 1 234,5, and −3,2 %, on one line.
    """
    return number.translate(SIGNS[code]).replace("%", f"{NO_BREAK}%")


class _Phrases(Formatter):
    """Fills gaps with numbers in the form of a language; whole ones may be ids, and stay."""

    def __init__(self, code: Literal["ru", "en"]) -> None:
        self._code = code

    def format_field(self, value: Any, format_spec: str) -> str:
        text = str(super().format_field(value, format_spec))
        is_number = isinstance(value, float) or (isinstance(value, int) and format_spec)
        return localised(text, self._code) if is_number else text


def filled(phrase: str, code: Literal["ru", "en"], values: Mapping[str, object]) -> str:
    """A phrase with values in its gaps; no line of it begins with % or a dash."""
    text = _Phrases(code).vformat(phrase, (), values)
    return text.replace(" %", f"{NO_BREAK}%").replace(" — ", f"{NO_BREAK}— ")


class English(str):
    """A sentence of another part of vkflow, such as why a picture cannot be used.

    What is stored of rows is in English, and is said in the language of whoever reads it.
    """


@dataclass(frozen=True)
class Message:
    """A phrase of a catalogue, with what stands in its gaps.

    Attributes:
        catalogue: ``drafts`` or ``trials``: a folder of vkflow, and its files of phrases.
        key: of the phrase.
        values: in its gaps; a message, or an English sentence, among them is in the same language.
    """

    catalogue: str
    key: str
    values: Mapping[str, object] = field(default_factory=dict)

    def in_language(self, code: Literal["ru", "en"]) -> str:
        """What it says in Russian or English."""
        values = {name: _in_language(value, code) for name, value in self.values.items()}
        return filled(str(phrases(self.catalogue, code)[self.key]), code, values)


def _in_language(value: object, code: Literal["ru", "en"]) -> object:
    if isinstance(value, Message):
        return value.in_language(code)
    return stored_sentence(value, code) if isinstance(value, English) else value


def stored_sentence(sentence: str, code: Literal["ru", "en"]) -> str:
    """A sentence in English as its translation says it; as it is if it is unknown.

    What stands in its gaps may be such sentences, too, or numbers.
    """
    for template, phrase in phrases("report", code, "insights")["stored"].items():
        if found := _with_gaps(template).fullmatch(sentence):
            gaps = {
                name: localised(part, code)
                if NUMBER.fullmatch(part)
                else stored_sentence(part, code)
                for name, part in found.groupdict().items()
            }
            return filled(str(phrase), code, gaps)
    return sentence


@cache
def _with_gaps(template: str) -> re.Pattern[str]:
    """What a sentence looks like that was made of a template such as ``{name} is negative``."""
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(template)))


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
