"""When to post: one draft at every hour of the next seven days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from vkflow.drafts.contrasts import against_mean, uncertain_logits
from vkflow.modelling.bundles import Bundle
from vkflow.modelling.metrics import sigmoid

N_HOURS = 7 * 24
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class HourlyForecast:
    """What one activity would get at each hour.

    Attributes:
        activity: its name.
        probabilities: by hour.
        effects: difference of the logit from its mean over all hours.
        is_evident: whether it differs from the mean, all hours taken together (95 %).
    """

    activity: str
    probabilities: tuple[float, ...]
    effects: tuple[float, ...]
    is_evident: tuple[bool, ...]

    def evident(self, *, more: bool) -> list[int]:
        """Places of the hours that are evidently above the mean, or below; strongest first."""
        sign = 1 if more else -1
        places = [
            place
            for place, effect in enumerate(self.effects)
            if self.is_evident[place] and sign * effect > 0
        ]
        return sorted(places, key=lambda place: -sign * self.effects[place])


@dataclass(frozen=True)
class Week:
    """A draft at every hour.

    Attributes:
        moments: full hours by the owner's clock, UTC, ascending.
        activities: of those with a model, in its order.
    """

    moments: tuple[datetime, ...]
    activities: tuple[HourlyForecast, ...]


def hours_from(as_of: datetime, zone: ZoneInfo) -> list[datetime]:
    """The next full hours of seven days by a clock, in UTC."""
    local = as_of.astimezone(zone)
    start = as_of - timedelta(
        minutes=local.minute, seconds=local.second, microseconds=local.microsecond
    )
    return [start + number * HOUR for number in range(1, N_HOURS + 1)]


def forecast_week(bundle: Bundle, row: pl.DataFrame, moments: Sequence[datetime]) -> Week:
    """One draft at every moment; all else stays as it is, the owner's history that of now.

    Args:
        bundle: the champion.
        row: what is known of the draft, one row of ``warehouse.drafts.draft_features``.
        moments: when it could be published, UTC.
    """
    times = pl.DataFrame(
        {"published_at": moments}, schema={"published_at": row["published_at"].dtype}
    )
    rows = row.drop("published_at").join(times, how="cross").select(row.columns)
    found = []
    for activity, logits in uncertain_logits(bundle, rows).items():
        effects, is_evident = against_mean(logits)
        found.append(
            HourlyForecast(
                activity,
                tuple(sigmoid(logits.whole).tolist()),
                tuple(effects.tolist()),
                tuple(is_evident),
            )
        )
    return Week(tuple(moments), tuple(found))
