"""Forecasts in Markdown, for the Prefect UI; what people wrote is shown as it is."""

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from vkflow.drafts.forecast import Forecast
from vkflow.drafts.tables import Table, draft_lines, forecast_table, lever_lines
from vkflow.insights.report.language import Language
from vkflow.printing import as_markdown


def as_markdown_page(
    forecasts: Sequence[Forecast],
    remarks: Sequence[str],
    owner_names: Mapping[int, str],
    zones: Sequence[ZoneInfo],
    say: Language,
) -> str:
    """All that is said of drafts, as Markdown.

    Args:
        forecasts: at least one, of one moment.
        remarks: what is missing, in sentences.
        owner_names: by id, where known.
        zones: where the owner of each draft lives.
        say: the language.
    """
    first = forecasts[0]
    lines = [f"## {say('title')}", "", _stands_at(first, say), ""]
    lines += [f"- **{as_markdown(remark)}**" for remark in remarks]
    for forecast, zone in zip(forecasts, zones, strict=True):
        lines += _of_draft(forecast, owner_names, zone, say)
    lines += ["", say("interval_note"), say("parts_note"), ""]
    return "\n".join(lines)


def _stands_at(forecast: Forecast, say: Language) -> str:
    return say("stands_at", moment=f"{forecast.as_of:%Y-%m-%d %H:%M}", model=forecast.model_version)


def _of_draft(
    forecast: Forecast, owner_names: Mapping[int, str], zone: ZoneInfo, say: Language
) -> Iterator[str]:
    yield from ("", f"### {as_markdown(forecast.draft.name)}", "")
    for line in draft_lines(forecast.draft, owner_names, zone, say):
        yield f"- {as_markdown(line)}"
    yield ""
    yield from table_lines(forecast_table(forecast, say))
    yield from ("", f"**{say('levers')}**", "", say("levers_caveat"), "")
    yield from (f"- {as_markdown(line)}" for line in lever_lines(forecast, say))


def table_lines(table: Table) -> Iterator[str]:
    """A table; no cell begins another one."""
    yield _cells(table.head)
    yield "|---" + "|---:" * (len(table.head) - 2) + "|---|"
    yield from (_cells(row) for row in table.rows)


def _cells(row: Sequence[str]) -> str:
    return "| " + " | ".join(as_markdown(cell) for cell in row) + " |"
