"""A forecast as plain values: what ``--json`` prints, and what is kept."""

from dataclasses import asdict
from typing import Any

from vkflow.drafts.forecast import Forecast
from vkflow.drafts.forecast_report import ForecastReport
from vkflow.drafts.hours import Week
from vkflow.drafts.levers import OpenLever
from vkflow.drafts.similar import as_values
from vkflow.trials.assignment import Assignment

LEVER_COLUMNS = (
    "activity", "lever", "level", "effect", "adjusted_low", "adjusted_high", "owner_id", "n_posts",
    "n_owners",
)  # fmt: skip
CAVEAT = "insights are observation, not experiment"


def as_document(report: ForecastReport) -> dict[str, Any]:
    """All of it as values of JSON: probabilities, not percent; times in UTC, ISO 8601."""
    document: dict[str, Any] = {
        "as_of": report.forecasts[0].as_of.isoformat(),
        "model_version": report.forecasts[0].model_version,
        "remarks": [remark.in_language("en") for remark in report.remarks],
        "caveat": CAVEAT,
        "drafts": [_draft(each) for each in report.forecasts],
        "comparisons": [asdict(each) for each in report.comparisons],
    }
    for draft, posts in zip(document["drafts"], report.similar, strict=True):
        draft["similar"] = [as_values(post) for post in posts]
    for draft, asked in zip(document["drafts"], report.asked, strict=True):
        draft["trials"] = [_asked(each) for each in asked]
    for draft, week in zip(document["drafts"], report.weeks, strict=False):
        draft["hours"] = _week(week)
    return document


def _asked(asked: Assignment) -> dict[str, Any]:
    return {
        "trial_id": asked.trial_id,
        "lever": asked.choice.lever,
        "level": asked.choice.level,
        "arm": asked.arm,
        "number": asked.number,
        "n_units": asked.n_units,
        "is_followed": asked.is_followed,
    }


def _week(week: Week) -> dict[str, Any]:
    return {
        "moments": [moment.isoformat() for moment in week.moments],
        "activities": [asdict(each) for each in week.activities],
    }


def _draft(forecast: Forecast) -> dict[str, Any]:
    draft = forecast.draft
    return {
        "name": draft.name,
        "owner_id": draft.owner_id,
        "at": draft.at.isoformat(),
        "text": draft.text,
        "has_picture": draft.picture is not None,
        "is_ad": draft.is_ad,
        "activities": [asdict(each) for each in forecast.activities],
        "levers": [_lever(each) for each in forecast.levers],
    }


def _lever(lever: OpenLever) -> dict[str, Any]:
    return {"has_it": lever.has_it} | {name: lever.row[name] for name in LEVER_COLUMNS}
