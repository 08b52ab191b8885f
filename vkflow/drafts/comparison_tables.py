"""Comparisons of drafts, and of hours, as tables of words."""

from collections.abc import Sequence
from math import expm1
from zoneinfo import ZoneInfo

from vkflow.drafts.comparison import Comparison
from vkflow.drafts.contrasts import Contrast
from vkflow.drafts.forecast import Forecast
from vkflow.drafts.hours import HourlyForecast, Week
from vkflow.drafts.tables import Table
from vkflow.drafts.words import name_text
from vkflow.insights.report.language import Language
from vkflow.insights.sentences import UNWANTED, effect_phrase

SHOWN_HOURS = 3
MOST = 20.0
"""On the logit scale: what is more is only said to be very much."""
MORE, LESS, SAME = "+", "−", "·"


def comparison_table(comparison: Comparison, forecasts: Sequence[Forecast], say: Language) -> Table:
    """One row an activity: both forecasts, their difference with its interval, and if it is one."""
    pair = [forecasts[place] for place in (comparison.first, comparison.second)]
    head = (
        say("table_activity"),
        *(name_text(forecast.draft, say) for forecast in pair),
        say("table_difference"),
        say("table_evident"),
    )
    rows = tuple(
        (
            say.activity(each.activity),
            *(say.rate(forecast.of(each.activity).probability) for forecast in pair),
            _difference(each, say),
            say("evident" if each.is_evident else "not_evident"),
        )
        for each in comparison.contrasts
    )
    return Table(head, rows)


def _difference(each: Contrast, say: Language) -> str:
    change, low, high = (expm1(min(end, MOST)) for end in (each.effect, each.low, each.high))
    return effect_phrase(change, low, high, say.code)


def differs_line(comparison: Comparison, say: Language) -> str:
    """In what two drafts differ."""
    if not comparison.differs:
        return say("differs_nothing")
    return say("differs_in", what=", ".join(say(f"differs_{name}") for name in comparison.differs))


def week_table(week: Week, zone: ZoneInfo, say: Language) -> Table:
    """One row an activity: its best hour, and which hours are evidently better or worse."""
    names = ("activity", "best_hour", "then", "better", "worse")
    rows = tuple(_week_row(each, week, zone, say) for each in week.activities)
    return Table(tuple(say(f"table_{name}") for name in names), rows)


def _week_row(each: HourlyForecast, week: Week, zone: ZoneInfo, say: Language) -> tuple[str, ...]:
    is_wanted = each.activity not in UNWANTED
    choose = max if is_wanted else min
    best = choose(range(len(week.moments)), key=lambda place: each.probabilities[place])
    return (
        say.activity(each.activity),
        _hour(week, best, zone, say),
        say.rate(each.probabilities[best]),
        hours_text(week, each.evident(more=is_wanted), zone, say),
        hours_text(week, each.evident(more=not is_wanted), zone, say),
    )


def _hour(week: Week, place: int, zone: ZoneInfo, say: Language) -> str:
    local = week.moments[place].astimezone(zone)
    return f"{say.weekdays()[local.weekday()]}\u00a0{local:%H:%M}"


def hours_text(week: Week, places: Sequence[int], zone: ZoneInfo, say: Language) -> str:
    """The first of these hours, and how many more there are."""
    if not places:
        return say("no_hour")
    shown = [_hour(week, place, zone, say) for place in places[:SHOWN_HOURS]]
    more = len(places) - SHOWN_HOURS
    return ", ".join(shown) + (f" {say('hours_more', n=more)}" if more > 0 else "")


def grid(each: HourlyForecast, week: Week, zone: ZoneInfo) -> dict[str, list[str]]:
    """A sign for each hour of each day, by its date; empty where an hour has passed or is not yet.

    Returns:
        24 of ``MORE``, ``LESS``, ``SAME`` and "" by day.
    """
    days: dict[str, list[str]] = {}
    for place, moment in enumerate(week.moments):
        local = moment.astimezone(zone)
        signs = days.setdefault(f"{local:%Y-%m-%d}", [""] * 24)
        sign = MORE if each.effects[place] > 0 else LESS
        signs[local.hour] = sign if each.is_evident[place] else SAME
    return days


def grid_lines(week: Week, zone: ZoneInfo, say: Language) -> list[str]:
    """Grids of the activities with an evident hour, for a font of equal widths."""
    lines = []
    for each in week.activities:
        if any(each.is_evident):
            lines += [say("grid_note", activity=say.activity(each.activity))]
            lines += [f"{'':10}  {'0     6     12    18   23':24}"]
            days = grid(each, week, zone).items()
            lines += [f"{day}  {''.join(sign or ' ' for sign in signs)}" for day, signs in days]
    return lines
