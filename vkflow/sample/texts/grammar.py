"""The grammar of a topic: phrases with slots, and what may fill them.

A file of ``topics/`` has

- ``things``: tables; one row is chosen for a whole post, so that it stays with its subject, and
  ``{team.gen}`` is the row's word in the column ``gen`` (a Russian noun needs its cases);
- ``words``: lists separated by `` / ``; every ``{word}`` chooses anew, and may contain slots;
- ``headlines``, ``sentences``, ``questions``: one phrase a line, written in the right case around
  its slots; ``{n:2-30}`` is a whole number, ``{n:2-30 год/года/лет}`` one with its noun;
- ``hashtags``, ``emoji``, and ``length``: how much longer than usual the topic's posts are.

``common.yaml`` adds what every topic may say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from vkflow.sample.texts.dice import Dice

TOPICS: Final = (
    "news", "football", "recipes", "horoscopes", "games", "cars",
    "films", "animals", "humour", "adverts", "city_life", "science",
)  # fmt: skip

_SLOT = re.compile(r"\{([^}]+)\}")

Phrase = tuple[str, ...]
"""Literal text at even positions, slot names at odd ones."""

Row = Mapping[str, str]


@dataclass(frozen=True)
class Grammar:
    """What posts on one topic are made of; see the module's description."""

    topic: str
    length: float
    things: Mapping[str, tuple[Row, ...]]
    words: Mapping[str, tuple[Phrase, ...]]
    openings: tuple[Phrase, ...]
    headlines: tuple[Phrase, ...]
    sentences: tuple[Phrase, ...]
    asides: tuple[Phrase, ...]
    questions: tuple[Phrase, ...]
    calls: tuple[Phrase, ...]
    hashtags: tuple[str, ...]
    emoji: tuple[str, ...]
    sites: tuple[str, ...]
    handles: tuple[str, ...]
    clubs: tuple[str, ...]


class Speaker:
    """Says phrases of one post: fills the slots and keeps to the subjects it began with."""

    def __init__(self, grammar: Grammar, dice: Dice) -> None:
        self._grammar = grammar
        self._dice = dice
        self._subjects: dict[str, Row] = {}

    def say(self, phrase: Phrase) -> str:
        """The phrase with its slots filled and its first letter large."""
        sentence = self._fill(phrase)
        first = next((i for i, letter in enumerate(sentence) if letter.isalnum()), 0)
        return sentence[:first] + sentence[first : first + 1].upper() + sentence[first + 1 :]

    def _fill(self, phrase: Phrase) -> str:
        return "".join(
            self._slot(part) if position % 2 else part for position, part in enumerate(phrase)
        )

    def _slot(self, name: str) -> str:
        if name.startswith("n:"):
            return self._number(name[2:])
        if "." not in name:
            return self._fill(self._dice.pick(self._grammar.words[name]))
        thing, form = name.split(".")
        if thing not in self._subjects:
            self._subjects[thing] = self._dice.pick(self._grammar.things[thing])
        return self._subjects[thing][form]

    def _number(self, slot: str) -> str:
        span, _, noun = slot.partition(" ")
        low, high = span.split("-")
        number = self._dice.integer(int(low), int(high))
        return f"{number} {agree(number, *noun.split('/'))}" if noun else str(number)


def agree(number: int, one: str, few: str, many: str) -> str:
    """The Russian noun after a number: 1 год, 2 года, 5 лет, 11 лет, 21 год."""
    last_two, last = number % 100, number % 10
    if 11 <= last_two <= 14 or last == 0 or last >= 5:
        return many
    return one if last == 1 else few


@cache
def read_grammar(topic: str) -> Grammar:
    """The grammar of one of ``TOPICS``, with what is common to all."""
    own, common = _read(topic), _read("common")
    things = {**common["things"], **own["things"]}
    words = {**common["words"], **own["words"]}
    return Grammar(
        topic=topic,
        length=float(own["length"]),
        things={name: _rows(table) for name, table in things.items()},
        words={name: tuple(map(_phrase, _items(line))) for name, line in words.items()},
        headlines=_phrases(own["headlines"]),
        sentences=_phrases(own["sentences"]),
        questions=_phrases(own["questions"]),
        asides=_phrases(common["sentences"]),
        openings=_phrases(common["openings"]),
        calls=_phrases(common["calls"]),
        hashtags=_items(own["hashtags"]),
        emoji=tuple(own["emoji"].split()),
        sites=_items(common["sites"]),
        handles=_items(common["handles"]),
        clubs=_items(common["clubs"]),
    )


def _read(name: str) -> dict[str, Any]:
    path = files("vkflow.sample.texts") / "topics" / f"{name}.yaml"
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _items(line: str) -> tuple[str, ...]:
    return tuple(line.split(" / "))


def _phrase(line: str) -> Phrase:
    return tuple(_SLOT.split(line))


def _phrases(block: str) -> tuple[Phrase, ...]:
    return tuple(_phrase(line) for line in block.splitlines())


def _rows(table: str) -> tuple[Row, ...]:
    header, *rows = ([cell.strip() for cell in line.split("|")] for line in table.splitlines())
    return tuple(dict(zip(header, row, strict=True)) for row in rows)
