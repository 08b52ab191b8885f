from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tests.fakes.report import empty_report
from vkflow.insights.report.advice import advice_section
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.language import load_language
from vkflow.insights.report.page import render

RU = load_language("ru")


def insight(**values: object) -> dict[str, object]:
    return {
        "owner_id": None, "activity": "comment", "lever": "question", "level": "yes",
        "verdict": "raises", "effect": 0.18, "adjusted_low": 0.09,
        "adjusted_high": 0.27, "placebo_p_value": 0.6,
        "n_posts": 412, "n_owners": 37,
    } | values  # fmt: skip


def section(data: ReportData, *rows: dict[str, object]) -> dict:
    schema = {"owner_id": pl.Int64, "placebo_p_value": pl.Float64, "effect": pl.Float64}
    insights = pl.DataFrame(list(rows), schema_overrides=schema, infer_schema_length=None)
    return advice_section(replace(data, insights=insights), RU)


@pytest.fixture
def data(tmp_path: Path) -> ReportData:
    return replace(empty_report(tmp_path), category_labels={"cat": "кошка"})


def test_a_clear_effect_is_told_with_its_interval_and_counts(data: ReportData) -> None:
    (group,) = section(data, insight())["groups"]
    (row,) = group["rows"]
    assert group["title"] == "Пост с вопросом в тексте"
    assert (row.label, row.value) == ("Комментарий", "+18\u00a0%")
    note = row.note.replace("\u00a0", " ")
    assert note == "от +9 % до +27 % · 412 постов, 37 сообществ"


def test_trade_offs_stand_side_by_side(data: ReportData) -> None:
    hide = insight(activity="hide", effect=0.3, adjusted_low=0.1, adjusted_high=0.5)
    (group,) = section(data, hide, insight())["groups"]
    assert [row.label for row in group["rows"]] == ["Комментарий", "Скрытие"]


def test_what_is_unclear_is_counted_and_not_advised(data: ReportData) -> None:
    found = section(data, insight(verdict="unclear"), insight(verdict="unclear", activity="like"))
    assert found["groups"] == []
    assert found["lead"] == RU("advice_unclear", tested="2")


def test_too_few_posts_are_no_data_to_judge(data: ReportData) -> None:
    nothing = insight(verdict="too few posts", effect=None, placebo_p_value=None)
    assert section(data, nothing)["lead"] == "Нет данных, чтобы судить."


def test_single_owners_have_a_part_of_their_own(data: ReportData) -> None:
    own = insight(owner_id=-7, lever="picture_category", level="cat", n_owners=1)
    found = section(data, own)
    assert found["groups"] == []
    assert found["owners"][0]["title"] == "Сообщество 7"
    assert found["owners"][0]["rows"][0].label == "Картинка «кошка»: комментарии"


def test_what_an_owner_may_do_stands_together_and_without_a_count_of_owners(
    data: ReportData,
) -> None:
    night = {"owner_id": -7, "lever": "hour", "level": "18-21"}
    own = [insight(**night, activity="like"), insight(owner_id=-7), insight(**night)]
    (group,) = section(data, *own)["owners"]
    assert [row.label for row in group["rows"]] == [
        "Пост с вопросом в тексте: комментарии",
        "Публикация с 18:00 до 21:59: лайки",
        "Публикация с 18:00 до 21:59: комментарии",
    ]
    assert group["rows"][0].note.endswith("412\u00a0постов")


def test_level_is_escaped(data: ReportData) -> None:
    rows = pl.DataFrame(
        [insight(lever="picture_category", level="<b>cats</b>")],
        schema_overrides={"owner_id": pl.Int64},
    )
    page = render(replace(data, insights=rows), RU)
    assert "Картинка «&lt;b&gt;cats&lt;/b&gt;»" in page


def test_what_is_paid_for_a_gain_is_said(data: ReportData) -> None:
    hide = insight(activity="hide", effect=0.3, adjusted_low=0.1, adjusted_high=0.5)
    (sentence,) = section(data, hide, insight())["trade_offs"]
    assert sentence.replace("\u00a0", " ") == (
        "Пост с вопросом в тексте: комментарии +18 %, но скрытия +30 %"
    )
