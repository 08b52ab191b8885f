"""Levers that can be drawn, and whether a post has them."""

from datetime import UTC, datetime

import polars as pl
import pytest

from vkflow.errors import TrialError
from vkflow.insights.levers import LEVERS
from vkflow.insights.sentences import lever_phrase
from vkflow.trials.levers import CHOICES, DRAWN_LEVELS, check_activity, has_level, read_choice
from vkflow.trials.words import arm_phrase

LONG = "слово " * 60


def has(name: str, text: str, *, hour: int = 12, has_image: bool = False) -> bool:
    post = pl.DataFrame(
        {
            "owner_id": [-1],
            "published_at": [datetime(2026, 11, 2, hour, tzinfo=UTC)],
            "text": [text],
            "has_image": [has_image],
        }
    )
    return bool(has_level(post, CHOICES[name], "Europe/Moscow")[0])


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("question", "Кто пойдёт?", True),
        ("question", "Кто пойдёт", False),
        ("question", "", False),
        ("question", "https://vk.com/a?b=1", False),
        ("emoji", "Котик 🐈", True),
        ("emoji", "Котик", False),
        ("hashtags", "#котик", True),
        ("links", "см. vk.com/cats", True),
        ("capitals", "ВСЕМ ПРИВЕТ", True),
        ("capitals", "Всем привет", False),
        ("text_length=few_words", "Всем привет", True),
        ("text_length=short", "Всем привет, кто читает нас", True),
        ("text_length=long", LONG, True),
        ("text_length=short", LONG, False),
        ("text_length=long", "", False),
    ],
)
def test_a_post_tells_whether_it_has_a_lever(name: str, text: str, expected: bool) -> None:
    assert has(name, text) is expected


def test_hours_are_those_of_the_owners_clock_and_pictures_are_seen() -> None:
    assert has("hour=18-21", "а", hour=15) and not has("hour=18-21", "а", hour=19)
    assert has("has_picture", "а", has_image=True) and not has("has_picture", "а")


def test_a_typo_is_told_with_what_was_meant() -> None:
    with pytest.raises(TrialError, match="did you mean question"):
        read_choice("qestion")
    with pytest.raises(TrialError, match=r"\\x1b is no lever"):
        read_choice("\x1b")
    assert read_choice(" hour=18-21 ").level == "18-21"


@pytest.mark.parametrize(
    ("name", "activity", "said"),
    [
        ("question", "likes", "no activity"),
        ("text_length=long", "expand", "needs no trial"),
        ("has_picture", "open_photo", "needs no trial"),
    ],
)
def test_an_activity_that_cannot_be_judged_is_refused(name: str, activity: str, said: str) -> None:
    with pytest.raises(TrialError, match=said):
        check_activity(CHOICES[name], activity)


def test_all_are_levers_of_the_advice_with_words_in_both_languages() -> None:
    assert set(DRAWN_LEVELS) == set(LEVERS) - {"weekday", "picture_category"}
    for code in ("ru", "en"):
        for choice in CHOICES.values():
            assert lever_phrase(choice.lever, choice.level, code)
            arms = {arm_phrase(choice, arm, code) for arm in ("with", "without")}
            assert len(arms) == 2 and not any("{" in phrase for phrase in arms)
