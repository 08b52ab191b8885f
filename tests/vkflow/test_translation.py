"""What forms refuse is told in the language of the home, in commands in English."""

import ast
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from vkflow.drafts.owners import KnownOwner, find_owner
from vkflow.errors import DraftError, SourceError, TrialError, translated_errors
from vkflow.translation import Message
from vkflow.trials.levers import read_choice

ROOT = Path(__file__).parents[2]
RAISED = {"DraftError": "drafts", "TrialError": "trials"}
CODES: tuple[Literal["ru", "en"], ...] = ("ru", "en")
OWNERS = [KnownOwner(-number) for number in range(1, 8)]


def calls() -> Iterator[ast.Call]:
    for folder in ("flows", "tasks", "vkflow"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    yield node


def test_every_error_that_is_raised_has_its_gaps_filled_in_both_languages() -> None:
    """Where the key is chosen as the program runs, the tests of its module say it."""
    found = 0
    for call in calls():
        package = RAISED.get(getattr(call.func, "id", ""))
        if package and call.args and isinstance(call.args[0], ast.Constant):
            values = dict.fromkeys((each.arg or "" for each in call.keywords), Anything())
            key = f"error_{call.args[0].value}"
            said = [Message(package, key, values).in_language(code) for code in CODES]
            assert said[0] != said[1] or key == "error_of"
            found += 1
    assert found > 35


class Anything:
    """Stands in any gap."""

    def __format__(self, _spec: str) -> str:
        return "…"


def test_an_error_is_told_in_the_language_of_the_home_with_all_that_stands_in_it() -> None:
    with pytest.raises(DraftError) as caught, translated_errors("ru"):
        find_owner("", OWNERS)
    assert str(caught.value) == "скажите, на чьей стене; есть -1, -2, -3, -4, -5 и ещё 2"
    with pytest.raises(DraftError, match="say on whose wall; there are -1, -2"):
        find_owner("", OWNERS)
    with pytest.raises(TrialError, match="пустота не приём"), translated_errors("ru"):
        read_choice("")


def test_an_error_without_a_translation_stays_as_it_is() -> None:
    with pytest.raises(SourceError, match="there is no file"), translated_errors("ru"):
        raise SourceError("there is no file")


def test_an_error_that_another_process_sends_says_the_same() -> None:
    with pytest.raises(DraftError) as caught, translated_errors("ru"):
        find_owner("x", OWNERS)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert "владельца x" in str(caught.value)
