"""All that is said of drafts, and what is needed to show it."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from vkflow.drafts.comparison import Comparison
from vkflow.drafts.forecast import Forecast
from vkflow.drafts.hours import Week
from vkflow.drafts.similar import SimilarPost
from vkflow.translation import Message
from vkflow.trials.assignment import Assignment


@dataclass(frozen=True)
class ForecastReport:
    """Forecasts of drafts.

    Attributes:
        forecasts: of all drafts, in their order.
        comparisons: of every other draft with the first.
        weeks: of each draft, every hour of seven days; none unless asked for.
        remarks: what is missing.
        owner_names: by id, where known.
        zones: where the owner of each draft lives.
        similar: of each draft, the published posts it resembles most, nearest first.
        asked: of each draft, what running trials ask of it.
    """

    forecasts: tuple[Forecast, ...]
    comparisons: tuple[Comparison, ...]
    weeks: tuple[Week, ...]
    remarks: tuple[Message, ...]
    owner_names: Mapping[int, str]
    zones: tuple[ZoneInfo, ...]
    similar: tuple[tuple[SimilarPost, ...], ...]
    asked: tuple[tuple[Assignment, ...], ...]
