from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from vkflow.insights.levers import LEVERS, as_lever, read_levers
from vkflow.text.statistics import text_statistics

MOSCOW = "Europe/Moscow"


def levels(text: str = "", **columns: Any) -> dict[str, Any]:
    """The levels of one post, by lever."""
    post = {
        "owner_id": -1,
        "published_at": datetime(2026, 11, 1, 18, 30, tzinfo=UTC),
        "has_image": True,
        "image_category": "cat",
    }
    row = pl.DataFrame(
        [post | columns], schema_overrides={"published_at": pl.Datetime("us", "UTC")}
    )
    rows = pl.concat([row, text_statistics(pl.Series([text])).drop("version")], how="horizontal")
    found = read_levers(rows, MOSCOW, {-2: "Asia/Vladivostok"})
    assert tuple(found) == LEVERS
    return {lever: values[0] for lever, values in found.items()}


def test_every_choice_of_a_post_is_found() -> None:
    text = "КУДА ПОЙТИ СЕГОДНЯ ВЕЧЕРОМ? 😺 #город https://example.com/1"
    found = levels(text)
    assert found == {
        "picture_category": "cat",
        "has_picture": "yes",
        "text_length": "short",
        "emoji": "yes",
        "question": "yes",
        "capitals": "yes",
        "hashtags": "yes",
        "links": "yes",
        "hour": "18-21",
        "weekday": "sunday",
    }


def test_a_plain_text_has_none_of_them() -> None:
    found = levels("Сегодня в городе открыли новую станцию метро")
    assert {found[lever] for lever in ("emoji", "question", "capitals", "hashtags", "links")} == {
        "no"
    }


def test_texts_are_few_words_short_or_long() -> None:
    assert levels("Всем привет")["text_length"] == "few_words"
    assert levels("слово " * 40)["text_length"] == "short"
    assert levels("слово " * 47)["text_length"] == "long"


def test_a_line_break_is_one_character_of_the_length() -> None:
    assert levels("слово<br>" * 46)["text_length"] == "short"


def test_a_question_mark_in_a_link_asks_nothing() -> None:
    assert levels("Подробнее здесь: https://example.com/?id=1")["question"] == "no"


def test_without_a_text_nothing_is_said_of_texts() -> None:
    found = levels("")
    applying = {lever for lever, level in found.items() if level is not None}
    assert applying == {"picture_category", "hour", "weekday"}


def test_without_a_picture_it_has_no_category() -> None:
    found = levels("Текст без картинки", has_image=False, image_category=None)
    assert found["picture_category"] is None and found["has_picture"] == "no"


def test_hours_go_by_the_clock_of_the_owner() -> None:
    assert levels("текст", owner_id=-2)["hour"] == "0-5"
    assert levels("текст", owner_id=-2)["weekday"] == "monday"


def test_without_a_date_there_is_no_hour() -> None:
    found = levels("текст", published_at=None)
    assert found["hour"] is None and found["weekday"] is None


def test_levels_are_numbered_and_none_is_minus_one() -> None:
    lever = as_lever("weekday", pl.Series(["sunday", None, "monday"]))
    assert lever.levels == ("monday", "sunday")
    np.testing.assert_array_equal(lever.codes, [1, -1, 0])
    np.testing.assert_array_equal(lever.indicators(), [[0, 1], [0, 0], [1, 0]])
