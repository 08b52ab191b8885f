"""Forecasts of drafts on a terminal."""

import polars as pl
from rich.console import Console
from rich.text import Text

from flows.tables import print_table
from tasks.drafting import Told
from vkflow.drafts.tables import Table, draft_lines, forecast_table, lever_lines
from vkflow.drafts.words import draft_language
from vkflow.printing import printable


def print_forecasts(told: Told) -> None:
    """Print everything said of drafts, in English as all commands."""
    say, console = draft_language("en"), Console()
    first = told.forecasts[0]
    moment = f"{first.as_of:%Y-%m-%d %H:%M}"
    _say(console, say("stands_at", moment=moment, model=first.model_version))
    for remark in told.remarks:
        _say(console, f"Note: {remark}")
    for forecast, zone in zip(told.forecasts, told.zones, strict=True):
        console.print()
        lines = draft_lines(forecast.draft, told.owner_names, zone, say)
        _say(console, f"{forecast.draft.name}: {' · '.join(lines)}")
        print_table(as_frame(forecast_table(forecast, say)))
        for line in lever_lines(forecast, say):
            _say(console, f"  {line}")
    console.print()
    for note in ("interval_note", "parts_note", "levers_caveat"):
        _say(console, say(note))


def as_frame(table: Table) -> pl.DataFrame:
    """A table of words for :func:`flows.tables.print_table`."""
    columns = zip(*table.rows, strict=True)
    return pl.DataFrame(dict(zip(table.head, map(list, columns), strict=True)))


def _say(console: Console, line: str) -> None:
    """As it is: text of others is no markup, and does nothing on the terminal."""
    console.print(Text(printable(line)))
