"""Forecasts as tables of words: for a terminal, for Markdown and for a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from vkflow.drafts.draft import Draft
from vkflow.drafts.forecast import ActivityForecast, Forecast
from vkflow.drafts.words import interval_text, lever_text, parts_text, rank_text
from vkflow.insights.report.language import Language
from vkflow.printing import printable

SHOWN_LEVERS = 6
SHOWN_CHARACTERS = 100
COLUMNS = ("activity", "forecast", "interval", "usual", "times", "rank", "parts")


@dataclass(frozen=True)
class Table:
    """Cells of words under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def forecast_table(forecast: Forecast, say: Language) -> Table:
    """One row an activity."""
    head = tuple(say(f"table_{name}") for name in COLUMNS)
    return Table(head, tuple(_row(each, say) for each in forecast.activities))


def _row(each: ActivityForecast, say: Language) -> tuple[str, ...]:
    return (
        say.activity(each.activity),
        say.rate(each.probability),
        interval_text(each, say),
        say.rate(each.usual),
        say.times(each.probability / each.usual),
        rank_text(each, say),
        parts_text(each.parts, say),
    )


def draft_lines(
    draft: Draft, owner_names: Mapping[int, str], zone: ZoneInfo, say: Language
) -> list[str]:
    """Whose it is, when it would appear, and what it says."""
    name = owner_names.get(draft.owner_id)
    called = f"{name} ({draft.owner_id})" if name else str(draft.owner_id)
    picture = say("without_picture" if draft.picture is None else "with_picture")
    moment = say.moment(draft.at.astimezone(zone))
    text = start_of(draft.text) or say("without_text")
    return [
        say("owner", name=called),
        say("published", moment=moment, zone=zone.key),
        f"{text} ({picture})",
    ]


def start_of(text: str) -> str:
    """The first words, in one line."""
    words = " ".join(printable(text[: 4 * SHOWN_CHARACTERS]).split())
    return words if len(words) <= SHOWN_CHARACTERS else f"{words[: SHOWN_CHARACTERS - 1]}…"


def lever_lines(forecast: Forecast, say: Language) -> list[str]:
    """What could be done better, strongest first; one line that says so where nothing is."""
    lines = [lever_text(lever, say) for lever in forecast.levers[:SHOWN_LEVERS]]
    return lines or [say("levers_none")]
