"""What forecasts of drafts come to: which draft, why, and when, where that is evident."""

from collections.abc import Iterator

from vkflow.drafts.comparison import Comparison
from vkflow.drafts.comparison_tables import hours_text
from vkflow.drafts.contrasts import Contrast
from vkflow.drafts.forecast import Parts
from vkflow.drafts.forecast_report import ForecastReport
from vkflow.drafts.words import name_text, parts_text
from vkflow.insights.report.language import Language
from vkflow.insights.sentences import UNWANTED


def summary_lines(report: ForecastReport, say: Language) -> list[str]:
    """Sentences; none for one draft without hours, whose table says all there is to say.

    Args:
        report: what is said of the drafts.
        say: the language.
    """
    pairs = [line for pair in report.comparisons for line in _of_pair(pair, report, say)]
    return [*pairs, *_of_weeks(report, say)]


def _of_pair(pair: Comparison, report: ForecastReport, say: Language) -> Iterator[str]:
    names = {"first": _name(report, pair.first, say), "second": _name(report, pair.second, say)}
    if not pair.differs:
        yield say("summary_same", **names)
        return
    if not pair.contrasts:
        return
    evident = [each for each in pair.contrasts if each.is_evident]
    for each in evident:
        yield _of_contrast(each, pair, report, say)
    if not evident:
        yield say("summary_equal", **names)
    elif len(evident) < len(pair.contrasts):
        yield say("summary_rest", **names)


def _of_contrast(each: Contrast, pair: Comparison, report: ForecastReport, say: Language) -> str:
    """Which of two is better, and by which parts of the logit; of hides fewer are better."""
    is_second = (each.effect > 0) != (each.activity in UNWANTED)
    ends = (pair.first, pair.second) if is_second else (pair.second, pair.first)
    return say(
        "summary_better",
        activity=say.activity(each.activity),
        name=_name(report, ends[1], say),
        parts=parts_text(_difference(report, *ends, each.activity), say),
    )


def _difference(report: ForecastReport, loser: int, winner: int, activity: str) -> Parts | None:
    """By how much parts of the winner's logit speak for it, beside the loser's."""
    lower, upper = (report.forecasts[place].of(activity).parts for place in (loser, winner))
    if lower is None or upper is None:
        return None
    groups = {name: part - lower.groups[name] for name, part in upper.groups.items()}
    sign = -1 if activity in UNWANTED else 1
    reasons = {name: part for name, part in groups.items() if sign * part > 0}
    return Parts(0.0, reasons or groups)


def _of_weeks(report: ForecastReport, say: Language) -> Iterator[str]:
    for place, week in enumerate(report.weeks):
        if not week.activities:
            continue
        name, hours = _name(report, place, say), []
        for each in week.activities:
            if places := each.evident(more=each.activity not in UNWANTED):
                shown = hours_text(week, places, report.zones[place], say)
                hours.append(f"{say.activity(each.activity)} ({shown})")
        if hours:
            yield say("summary_when", name=name, hours="; ".join(hours))
        else:
            yield say("summary_any_hour", name=name)


def _name(report: ForecastReport, place: int, say: Language) -> str:
    return name_text(report.forecasts[place].draft, say)
