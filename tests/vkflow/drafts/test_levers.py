"""Levers a draft could still pull, from advice that is written here."""

from datetime import UTC, datetime
from typing import Any

import polars as pl

from vkflow.drafts.levers import open_levers
from vkflow.insights.advice import SCHEMA


def advice(*rows: dict[str, Any]) -> pl.DataFrame:
    common = {
        "owner_id": None, "activity": "like", "lever": "question", "level": "yes",
        "verdict": "raises", "effect": 0.2, "low": 0.1, "high": 0.3,
        "adjusted_low": 0.05, "adjusted_high": 0.35, "placebo_effect": 0.0, "placebo_p_value": 0.9,
        "p_value": 0.001, "q_value": 0.01, "base_rate": 0.01, "n_posts": 50, "n_owners": 5,
    }  # fmt: skip
    return pl.DataFrame([{**common, **row} for row in rows], schema=SCHEMA)


def drafts(**changes: object) -> pl.DataFrame:
    """A short text of a Monday noon, without anything special and without a picture."""
    row = {
        "owner_id": -1, "published_at": datetime(2026, 11, 2, 9, tzinfo=UTC), "has_image": False,
        "image_category": None, "characters": 100, "words": 12, "line_breaks": 0, "emoji": 0,
        "question_marks": 0, "capital_letter_share": 0.0, "hashtags": 0, "urls": 0, **changes,
    }  # fmt: skip
    schema = {"image_category": pl.String, "published_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame([row], schema_overrides=schema)


def told(insights: pl.DataFrame, rows: pl.DataFrame) -> list[tuple[bool, str, str, str, float]]:
    (found,) = open_levers(insights, rows, "Europe/Moscow", {})
    return [
        (one.has_it, *(one.row[name] for name in ("activity", "lever", "level", "effect")))
        for one in found
    ]


def test_what_raises_and_is_not_there_can_be_pulled_and_what_is_there_cannot() -> None:
    rows = advice({}, {"lever": "emoji", "effect": 0.3})
    assert told(rows, drafts()) == [
        (False, "like", "emoji", "yes", 0.3),
        (False, "like", "question", "yes", 0.2),
    ]
    assert told(rows, drafts(emoji=2, question_marks=1)) == []


def test_what_lowers_and_is_there_stands_in_the_way() -> None:
    rows = advice({"verdict": "lowers", "effect": -0.2})
    assert told(rows, drafts()) == []
    assert told(rows, drafts(question_marks=1)) == [(True, "like", "question", "yes", -0.2)]


def test_of_hides_fewer_are_wanted() -> None:
    rows = advice({"activity": "hide"}, {"activity": "hide", "lever": "emoji", "verdict": "lowers"})
    assert told(rows, drafts()) == [(False, "hide", "emoji", "yes", 0.2)]
    assert told(rows, drafts(question_marks=1, emoji=1)) == [(True, "hide", "question", "yes", 0.2)]


def test_only_what_is_evident_and_applies_is_told() -> None:
    rows = advice(
        {"verdict": "unclear"},
        {"lever": "emoji", "verdict": "too few posts"},
        {"lever": "picture_category", "level": "cat"},
        {"lever": "text_length", "level": "long"},
    )
    assert told(rows, drafts()) == [(False, "like", "text_length", "long", 0.2)]
    assert told(rows, drafts(characters=0, words=0, has_image=True)) == []
    shown = drafts(has_image=True, image_category="dog")
    assert [lever for _, _, lever, *_ in told(rows, shown)] == ["picture_category", "text_length"]


def test_time_is_by_the_owners_clock() -> None:
    rows = advice({"lever": "hour", "level": "10-13"}, {"lever": "weekday", "level": "sunday"})
    assert told(rows, drafts()) == [(False, "like", "weekday", "sunday", 0.2)]  # 12:00 in Moscow


def test_what_is_evident_for_the_owner_takes_the_place_of_what_is_for_all() -> None:
    rows = advice({"owner_id": -1, "effect": 0.5}, {}, {"owner_id": -2, "effect": 0.9})
    assert [effect for *_, effect in told(rows, drafts())] == [0.5]
    assert [effect for *_, effect in told(rows, drafts(owner_id=-3))] == [0.2]
