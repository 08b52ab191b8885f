"""The section of trials: progress of what runs, what was found beside the advice, in a browser."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.fakes.chromium import EXECUTABLE, chromium
from tests.fakes.report import AS_OF, empty_report
from vkflow.insights.report.data import Named, ReportData
from vkflow.insights.report.language import load_language
from vkflow.insights.report.page import render
from vkflow.insights.report.trials import trials_section

EN, RU = load_language("en"), load_language("ru")
HOSTILE = "<script>alert(1)</script> длинное имя " + "слово" * 30
SCHEMA = {
    **dict.fromkeys(("effect", "low", "high", "p_value"), pl.Float64),
    "first_day": pl.Date,
}


def trial(**changes: Any) -> dict[str, Any]:
    return {
        "trial_id": 1, "owner_id": -7, "lever": "question", "level": "yes", "activity": "comment",
        "unit": "post", "n_units": 96, "first_day": None,
        "time_zone": "Europe/Moscow", "started_at": AS_OF - timedelta(days=90),
        "status": "running", "effect": None, "low": None, "high": None, "p_value": None,
        "n_posts": 24, "n_followed": 20, "n_seen": 24, **changes,
    }  # fmt: skip


FOUND = {
    "status": "finished", "effect": 0.42, "low": 0.1, "high": 0.8, "p_value": 0.012,
    "n_posts": 96, "n_followed": 90,
}  # fmt: skip


def advice(**changes: Any) -> dict[str, Any]:
    return {
        "owner_id": None, "activity": "comment", "lever": "question", "level": "yes",
        "verdict": "raises", "effect": 0.18, "low": 0.09, "high": 0.27,
        "adjusted_low": 0.05, "adjusted_high": 0.3, "placebo_p_value": 0.6,
        "n_posts": 412, "n_owners": 37, **changes,
    }  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> ReportData:
    return replace(empty_report(tmp_path), owners={-7: Named("Cats", "https://vk.com/cats")})


def with_trials(data: ReportData, *rows: dict[str, Any], advised: tuple = ()) -> ReportData:
    insights = pl.DataFrame(list(advised), schema_overrides={"owner_id": pl.Int64})
    return replace(data, trials=pl.DataFrame(rows, schema_overrides=SCHEMA), insights=insights)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_without_trials_it_says_how_to_draw_one(data: ReportData) -> None:
    assert "vkflow trial start" in trials_section(data, EN)["lead"]


def test_of_a_running_trial_only_its_progress_is_told(data: ReportData) -> None:
    section = trials_section(with_trials(data, trial()), EN)
    (running,) = section["running"]
    assert running["label"] == "1. Cats: A question in the text, “Comment”"
    assert (plain(running["value"]), running["width"]) == ("24 of 96 posts", 25.0)
    assert section["groups"] == [] and section["sentences"] == []


def test_days_that_have_passed_are_the_progress_of_a_trial_by_days(data: ReportData) -> None:
    by_day = trial(unit="day", n_units=20, first_day=date(2026, 10, 28))
    (running,) = trials_section(with_trials(data, by_day), EN)["running"]
    assert (plain(running["value"]), running["width"]) == ("5 of 20 days", 25.0)


def test_what_was_found_stands_beside_the_advice_it_tested(data: ReportData) -> None:
    other = advice(owner_id=-8, effect=0.9)
    section = trials_section(with_trials(data, trial(**FOUND), advised=(other, advice())), EN)
    (group,) = section["groups"]
    found, advised = group["rows"]
    assert (found.label, plain(found.value), found.is_clear) == ("The trial", "+42 %", True)
    assert plain(found.note) == "evident: from +10 % to +80 %, p = 0.01 · 96 posts, 90 as drawn"
    assert (plain(advised.value), plain(advised.note)) == ("+18 %", "observation, 412 posts")
    assert group["link"] == "https://vk.com/cats"


def test_advice_of_the_wall_itself_comes_first(data: ReportData) -> None:
    own = advice(owner_id=-7, effect=0.3)
    section = trials_section(with_trials(data, trial(**FOUND), advised=(advice(), own)), EN)
    assert plain(section["groups"][0]["rows"][1].value) == "+30 %"


def test_what_may_be_chance_is_called_not_evident(data: ReportData) -> None:
    unclear = trial(**{**FOUND, "low": -0.1, "p_value": 0.2})
    (group,) = trials_section(with_trials(data, unclear), RU)["groups"]
    assert group["rows"][0].note.startswith("не видно: от") and not group["rows"][0].is_clear


def test_an_interval_without_an_end_and_a_trial_without_a_result_are_told(
    data: ReportData,
) -> None:
    open_ended = trial(**{**FOUND, "high": None})
    nothing = trial(trial_id=2, **{**FOUND, "effect": None, "low": None, "p_value": None})
    stopped = trial(trial_id=3, status="stopped")
    section = trials_section(with_trials(data, open_ended, nothing, stopped), EN)
    assert "to –" in plain(section["groups"][0]["rows"][0].note)
    assert "too few posts" in section["sentences"][0]
    assert section["sentences"][1].endswith("stopped after 24 of 96, without a result.")
    assert section["lead"] == "Under way: 0. Finished: 2. Stopped without a result: 1."


def test_an_effect_that_begins_at_nothing_is_told_with_its_p(data: ReportData) -> None:
    """Of which too few posts were said to have an outcome."""
    found = {**FOUND, "effect": None, "low": None, "high": None}
    section = trials_section(with_trials(data, trial(**{**found, "p_value": 0.001})), EN)
    assert "posts without it got none" in section["sentences"][0]
    assert plain(section["sentences"][0]).endswith("evident, p = 0.0010.")
    section = trials_section(with_trials(data, trial(**{**found, "p_value": 1.0})), RU)
    assert plain(section["sentences"][0]).endswith("не видно, p = 1,00.")


@pytest.mark.skipif(EXECUTABLE is None, reason="there is no Chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_page_opens_without_a_complaint_a_request_or_an_overflow(
    data: ReportData, tmp_path: Path, width: int
) -> None:
    rows = (trial(), trial(trial_id=2, **FOUND), trial(trial_id=3, status="stopped"))
    shown = with_trials(replace(data, owners={-7: Named(HOSTILE)}), *rows, advised=(advice(),))
    file = tmp_path / "report.html"
    file.write_text(render(shown, RU), encoding="utf-8")
    with chromium(tmp_path / "profile") as browser:
        browser.open(file, width)
        assert browser.evaluate("document.body.innerText").count("<script>") >= 3
        assert browser.complaints() == [] and browser.requests() == [file.as_uri()]
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
