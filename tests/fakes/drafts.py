"""Forecasts that nobody made: for tests of what is shown."""

import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from PIL import Image

from vkflow.activities import ACTIVITY_NAMES
from vkflow.drafts.comparison import Comparison
from vkflow.drafts.contrasts import Contrast
from vkflow.drafts.draft import Draft
from vkflow.drafts.forecast import ActivityForecast, Forecast, Parts
from vkflow.drafts.forecast_report import ForecastReport
from vkflow.drafts.hours import HourlyForecast, Week, hours_from
from vkflow.drafts.levers import OpenLever
from vkflow.drafts.nearest import KINDS, Compared
from vkflow.drafts.similar import SimilarPost
from vkflow.translation import Message
from vkflow.trials.assignment import Assignment
from vkflow.trials.levers import Choice
from vkflow.trials.schedule import WITH

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")
HOSTILE = "<script>alert(1)</script><img src=http://evil.test/x onerror=alert(1)> {x} | \x1b[2J"
LEVER = {
    "activity": "like", "lever": "question", "level": "yes", "verdict": "raises", "effect": 0.2,
    "adjusted_low": 0.1, "adjusted_high": 0.3, "owner_id": None, "n_posts": 50, "n_owners": 5,
}  # fmt: skip


def png(side: int = 8) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), "red").save(file, "PNG")
    return file.getvalue()


def made_forecast(name: str, text: str, picture: bytes | None = None) -> Forecast:
    activities = [
        ActivityForecast(
            activity, 0.01, 0.004, 0.03, 0.02, 3, 21, "model",
            Parts(-4.0, {"owner": 0.3, "calendar": 0.0, "text": -0.2, "picture": 0.1,
                         "statistics": -0.05}),
        )
        for activity in ACTIVITY_NAMES[:-1]
    ]  # fmt: skip
    bare = ActivityForecast(ACTIVITY_NAMES[-1], 0.01, None, None, 0.02, None, 0, "owner rate", None)
    draft = Draft(name, -7, NOW + timedelta(hours=2), text, picture)
    levers = (OpenLever(False, LEVER), OpenLever(True, {**LEVER, "effect": -0.2}))
    return Forecast(draft, NOW, "20261102-abc", (*activities, bare), levers)


def made_week() -> Week:
    """The hours of eight in the evening are evidently better, those of four evidently worse."""
    moments = hours_from(NOW, MOSCOW)
    local = [moment.astimezone(MOSCOW).hour for moment in moments]
    effects = tuple({20: 0.5, 4: -0.5}.get(hour, 0.0) for hour in local)
    probabilities = tuple(0.01 + 0.004 * effect for effect in effects)
    is_evident = tuple(effect != 0 for effect in effects)
    calm = HourlyForecast("comment", (0.01,) * 168, (0.0,) * 168, (False,) * 168)
    hides = HourlyForecast("hide", probabilities, effects, is_evident)
    return Week(
        tuple(moments), (HourlyForecast("like", probabilities, effects, is_evident), calm, hides)
    )


def made_similar(
    owner: str = HOSTILE, text: str = HOSTILE, compared: Compared = "both"
) -> tuple[SimilarPost, ...]:
    """The nearest is on another wall and has a picture; the other has no date, and got nothing."""
    rates = {"like": 0.031, "hide": 0.0002}
    first, second = (
        {f"{kind}_cosine": cosine for kind, cosine in zip(KINDS["both"], pair, strict=True)
         if kind in KINDS[compared]}
        for pair in ((0.91, 0.84), (0.5, 0.25))
    )  # fmt: skip
    day = NOW - timedelta(days=90)
    return (
        SimilarPost(-8, owner, 5, day, text, False, rates, **first, picture=png()),
        SimilarPost(-7, owner, 6, None, "", True, {}, **second),
    )


def made_told(text: str = HOSTILE, owner: str = HOSTILE, remark: str = HOSTILE) -> ForecastReport:
    """Two drafts, the first with a picture, beside each other and at every hour."""
    contrasts = (
        Contrast("like", 0.2, 0.1, 0.3, True),
        Contrast("comment", -0.1, -0.3, 0.1, False),
    )
    return ForecastReport(
        (made_forecast("draft 1", text, png()), made_forecast("draft 2", "")),
        (Comparison(0, 1, ("text", "picture"), contrasts),),
        (made_week(), made_week()),
        (Message("drafts", "remark_faulty_text", {"reason": remark}),),
        {-7: owner},
        (MOSCOW, MOSCOW),
        (made_similar(), made_similar(compared="text")[:1]),
        ((made_assignment(),), ()),
    )


def made_assignment() -> Assignment:
    """The fifth of 96 posts is to have a question, and the draft has none."""
    return Assignment(
        3, -7, Choice("question", "yes"), 5, 96, WITH, None, "Europe/Moscow",
        NOW - timedelta(days=1), False,
    )  # fmt: skip
