"""Forecasts in Markdown, for the Prefect UI; what people wrote is shown as it is."""

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

from vkflow.drafts.comparison import Comparison
from vkflow.drafts.comparison_tables import (
    comparison_table,
    differs_line,
    grid_lines,
    week_table,
)
from vkflow.drafts.forecast import Forecast
from vkflow.drafts.forecast_report import ForecastReport
from vkflow.drafts.hours import Week
from vkflow.drafts.similar import SimilarPost, compared_in, similar_table
from vkflow.drafts.summary import summary_lines
from vkflow.drafts.tables import Table, draft_lines, forecast_table, lever_lines, start_of
from vkflow.drafts.words import name_text
from vkflow.insights.report.language import Language
from vkflow.printing import as_markdown
from vkflow.trials.words import assignment_lines


def as_markdown_page(report: ForecastReport, say: Language) -> str:
    """All that is said of drafts, as Markdown.

    Args:
        report: at least one forecast.
        say: the language.
    """
    first = report.forecasts[0]
    moment = f"{first.as_of:%Y-%m-%d %H:%M}"
    lines = [f"## {say('title')}", "", say("stands_at", moment=moment, model=first.model_version)]
    lines += [
        "",
        *(f"- **{as_markdown(remark.in_language(say.code))}**" for remark in report.remarks),
    ]
    if summary := summary_lines(report, say):
        lines += ["", f"### {say('summary')}", "", *(f"- {as_markdown(line)}" for line in summary)]
    for place in range(len(report.forecasts)):
        lines += _of_draft(report, place, say)
        zone = report.zones[place]
        lines += _of_similar(report.similar[place], zone, say)
        if report.weeks and report.weeks[place].activities:
            lines += _of_week(report.weeks[place], zone, say)
    for comparison in report.comparisons:
        lines += _of_pair(comparison, report.forecasts, say)
    lines += ["", say("interval_note"), say("parts_note"), ""]
    return "\n".join(lines)


def as_title(report: ForecastReport, say: Language) -> str:
    """How the first draft begins, as Markdown in one line."""
    return as_markdown(start_of(report.forecasts[0].draft.text) or say("without_text"))


def _of_draft(report: ForecastReport, place: int, say: Language) -> Iterator[str]:
    forecast, zone = report.forecasts[place], report.zones[place]
    yield from ("", f"### {as_markdown(name_text(forecast.draft, say))}", "")
    for line in draft_lines(forecast.draft, report.owner_names, zone, say):
        yield f"- {as_markdown(line)}"
    yield ""
    for asked in report.asked[place]:
        yield from (f"**{' '.join(assignment_lines(asked, say.code))}**", "")
    yield from table_lines(forecast_table(forecast, say))
    yield from ("", f"**{say('levers')}**", "", say("levers_caveat"), "")
    yield from (f"- {as_markdown(line)}" for line in lever_lines(forecast, say))


def _of_similar(posts: Sequence[SimilarPost], zone: ZoneInfo, say: Language) -> Iterator[str]:
    if posts:
        title = f"similar_by_{compared_in(posts)}"
        yield from ("", f"**{say(title)}**", "", say(f"{title}_note"), "")
        yield from table_lines(similar_table(posts, zone, say))


def _of_week(week: Week, zone: ZoneInfo, say: Language) -> Iterator[str]:
    yield from ("", f"**{say('when')}**", "", say("when_note"), "")
    yield from table_lines(week_table(week, zone, say))
    if lines := grid_lines(week, zone, say):
        yield from ("", "```", *lines, "```")


def _of_pair(comparison: Comparison, forecasts: Sequence[Forecast], say: Language) -> Iterator[str]:
    names = [
        name_text(forecasts[place].draft, say) for place in (comparison.first, comparison.second)
    ]
    title = say("comparison", first=names[0], second=names[1])
    yield from ("", f"### {as_markdown(title)}", "", differs_line(comparison, say), "")
    if comparison.contrasts:
        yield from table_lines(comparison_table(comparison, forecasts, say))
        yield from ("", say("comparison_note"))


def table_lines(table: Table) -> Iterator[str]:
    """A table; no cell begins another one."""
    yield _cells(table.head)
    yield "|---" + "|---:" * (len(table.head) - 2) + "|---|"
    yield from (_cells(row) for row in table.rows)


def _cells(row: Sequence[str]) -> str:
    return "| " + " | ".join(as_markdown(cell) for cell in row) + " |"
