"""What forecasts come to: only what is evident, and by what it is carried."""

from dataclasses import replace

from tests.fakes.drafts import made_told
from vkflow.drafts.contrasts import Contrast
from vkflow.drafts.forecast import Forecast, Parts
from vkflow.drafts.forecast_report import ForecastReport
from vkflow.drafts.summary import summary_lines
from vkflow.drafts.words import draft_language

SAY = draft_language("en")


def told_with(
    *contrasts: Contrast, first: dict[str, float], second: dict[str, float]
) -> ForecastReport:
    """Two drafts whose logits have these parts, in every activity alike; no hours."""
    told = made_told()
    pair = replace(told.comparisons[0], contrasts=contrasts)
    forecasts = (_carried(told.forecasts[0], first), _carried(told.forecasts[1], second))
    return replace(told, forecasts=forecasts, comparisons=(pair,), weeks=())


def _carried(forecast: Forecast, groups: dict[str, float]) -> Forecast:
    activities = tuple(replace(each, parts=Parts(-4.0, groups)) for each in forecast.activities)
    return replace(forecast, activities=activities)


def said(told: ForecastReport) -> list[str]:
    return [line.replace("\u00a0", " ") for line in summary_lines(told, SAY)]


def test_the_better_draft_is_named_with_what_the_two_differ_in() -> None:
    told = told_with(
        Contrast("like", 0.2, 0.1, 0.3, True),
        Contrast("comment", -0.7, -0.9, -0.5, True),
        Contrast("repost", 0.2, -0.1, 0.5, False),
        first={"owner": 3.0, "text": 0.1},
        second={"owner": 3.0, "text": 0.3},
    )
    assert said(told) == [
        "Like: draft 2 is evidently better, by text +22 %.",
        "Comment: draft 1 is evidently better, by text −18 %.",
        "All other activities: no evident difference between draft 1 and draft 2.",
    ]


def test_of_hides_fewer_are_better() -> None:
    told = told_with(
        Contrast("hide", 0.2, 0.1, 0.3, True), first={"text": 0.0}, second={"text": 0.2}
    )
    assert said(told) == ["Hide: draft 1 is evidently better, by text −18 %."]


def test_what_speaks_against_the_better_draft_is_no_reason() -> None:
    told = told_with(
        Contrast("like", 0.2, 0.1, 0.3, True), Contrast("hide", -0.2, -0.3, -0.1, True),
        first={"text": 0.0, "picture": 0.2}, second={"text": 0.3, "picture": 0.1},
    )  # fmt: skip
    assert said(told)[:2] == [
        "Like: draft 2 is evidently better, by text +35 %.",
        "Hide: draft 2 is evidently better, by picture −10 %.",
    ]


def test_where_nothing_is_evident_no_draft_is_preferred() -> None:
    told = told_with(
        Contrast("like", 0.9, -0.1, 1.9, False), first={"text": 0.0}, second={"text": 0.9}
    )
    (line,) = said(told)
    assert line.startswith("No evident difference between draft 1 and draft 2 in any activity")


def test_two_drafts_that_are_the_same_are_said_to_be() -> None:
    told = told_with(Contrast("like", 0.0, 0.0, 0.0, False), first={}, second={})
    same = replace(told, comparisons=(replace(told.comparisons[0], differs=()),))
    assert said(same) == ["draft 1 and draft 2 are the same: one text, picture, time and wall."]


def test_only_evident_hours_are_told_and_of_hides_those_with_fewer() -> None:
    told = replace(made_told(), comparisons=())
    first, second = said(told)
    assert first.startswith(
        "When to post draft 1, hours evidently better than the mean: Like (Mon 20:00, Tue 20:00, "
    )
    assert "; Hide (Tue 04:00, " in first and "Comment" not in first
    assert second.startswith("When to post draft 2")
    calm = tuple(replace(week, activities=week.activities[1:2]) for week in told.weeks)
    assert said(replace(told, weeks=calm))[0] == (
        "When to post draft 1: no hour is evidently better than the mean."
    )


def test_a_bundle_that_cannot_tell_differences_prefers_nothing() -> None:
    assert said(told_with(first={}, second={})) == []
