"""Forecasts of drafts on a terminal."""

import polars as pl
from rich.console import Console
from rich.text import Text

from flows.tables import print_table
from vkflow.drafts.comparison import Comparison
from vkflow.drafts.comparison_tables import (
    comparison_table,
    differs_line,
    grid_lines,
    week_table,
)
from vkflow.drafts.forecast_report import ForecastReport
from vkflow.drafts.similar import compared_in, similar_table
from vkflow.drafts.summary import summary_lines
from vkflow.drafts.tables import Table, draft_lines, forecast_table, lever_lines
from vkflow.drafts.words import draft_language
from vkflow.insights.report.language import Language
from vkflow.printing import printable
from vkflow.trials.words import assignment_lines


def print_forecasts(report: ForecastReport) -> None:
    """Print everything said of drafts, in English as all commands."""
    say, console = draft_language("en"), Console()
    first = report.forecasts[0]
    moment = f"{first.as_of:%Y-%m-%d %H:%M}"
    _say(console, say("stands_at", moment=moment, model=first.model_version))
    for remark in report.remarks:
        _say(console, f"Note: {remark.in_language('en')}")
    for line in summary_lines(report, say):
        _say(console, line)
    for place in range(len(report.forecasts)):
        _print_draft(console, report, place, say)
    for comparison in report.comparisons:
        _print_pair(console, report, comparison, say)
    console.print()
    for note in ("interval_note", "parts_note", "levers_caveat"):
        _say(console, say(note))


def _print_draft(console: Console, report: ForecastReport, place: int, say: Language) -> None:
    forecast, zone = report.forecasts[place], report.zones[place]
    lines = draft_lines(forecast.draft, report.owner_names, zone, say)
    console.print()
    _say(console, f"{forecast.draft.name}: {' · '.join(lines)}")
    for asked in report.asked[place]:
        _say(console, " ".join(assignment_lines(asked, "en")))
    print_table(_as_frame(forecast_table(forecast, say)))
    for line in lever_lines(forecast, say):
        _say(console, f"  {line}")
    if posts := report.similar[place]:
        title = f"similar_by_{compared_in(posts)}"
        _say(console, f"{say(title)}. {say(f'{title}_note')}")
        print_table(_as_frame(similar_table(posts, zone, say)))
    if report.weeks and report.weeks[place].activities:
        _say(console, f"{say('when')}. {say('when_note')}")
        print_table(_as_frame(week_table(report.weeks[place], zone, say)))
        for line in grid_lines(report.weeks[place], zone, say):
            _say(console, f"  {line}")


def _print_pair(
    console: Console, report: ForecastReport, comparison: Comparison, say: Language
) -> None:
    first, second = (
        report.forecasts[place].draft.name for place in (comparison.first, comparison.second)
    )
    console.print()
    title = say("comparison", first=first, second=second)
    _say(console, f"{title}. {differs_line(comparison, say)}")
    if comparison.contrasts:
        print_table(_as_frame(comparison_table(comparison, report.forecasts, say)))
        _say(console, say("comparison_note"))


def _as_frame(table: Table) -> pl.DataFrame:
    columns = zip(*table.rows, strict=True)
    return pl.DataFrame(dict(zip(table.head, map(list, columns), strict=True)))


def _say(console: Console, line: str) -> None:
    """As it is: text of others is no markup, and does nothing on the terminal."""
    console.print(Text(printable(line)))
