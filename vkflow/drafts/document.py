"""A forecast as plain values: what ``--json`` prints, and what is kept."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from vkflow.drafts.forecast import Forecast
from vkflow.drafts.levers import OpenLever

LEVER_COLUMNS = (
    "activity", "lever", "level", "effect", "low", "high", "owner_id", "n_posts", "n_owners",
)  # fmt: skip
CAVEAT = "insights are observation, not experiment"


def as_document(forecasts: Sequence[Forecast], remarks: Sequence[str]) -> dict[str, Any]:
    """Forecasts as values of JSON; rates are probabilities, not percent, and times ISO 8601 in UTC.

    Args:
        forecasts: of one moment.
        remarks: what is missing, in sentences.
    """
    return {
        "as_of": forecasts[0].as_of.isoformat(),
        "model_version": forecasts[0].model_version,
        "remarks": list(remarks),
        "caveat": CAVEAT,
        "drafts": [_draft(each) for each in forecasts],
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
