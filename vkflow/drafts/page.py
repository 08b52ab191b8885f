"""Forecasts as one HTML page in the style of the report, which needs no other file."""

import base64
import io
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vkflow.drafts.comparison import Comparison
from vkflow.drafts.comparison_tables import (
    LESS,
    MORE,
    SAME,
    comparison_table,
    differs_line,
    grid,
    week_table,
)
from vkflow.drafts.forecast_report import ForecastReport
from vkflow.drafts.hours import Week
from vkflow.drafts.similar import SimilarPost, compared_in, similar_table, wall_text
from vkflow.drafts.summary import summary_lines
from vkflow.drafts.tables import draft_lines, forecast_table, lever_lines
from vkflow.drafts.words import name_text
from vkflow.images.decoding import decode_picture
from vkflow.insights.report.language import Language
from vkflow.printing import printable
from vkflow.trials.words import assignment_lines

SHOWN_CHARACTERS = 1_500
THUMBNAIL_SIDE = 256
JPEG_QUALITY = 80
CLASSES = {MORE: "more", LESS: "less", SAME: "same"}


def render_page(report: ForecastReport, say: Language) -> str:
    """The page; what people wrote is escaped, and pictures are drawn anew.

    Args:
        report: at least one forecast.
        say: the language.
    """
    environment, first = _environment(), report.forecasts[0]
    moment = f"{first.as_of:%Y-%m-%d %H:%M}"
    return environment.get_template("drafts.html").render(
        say=say,
        styles=Markup(_styles()),  # noqa: S704 - files of ours
        title=say("title"),
        subtitle=say("stands_at", moment=moment, model=first.model_version),
        remarks=[printable(remark.in_language(say.code)) for remark in report.remarks],
        summary=[printable(line) for line in summary_lines(report, say)],
        drafts=[_draft(report, place, say) for place in range(len(report.forecasts))],
        pairs=[_pair(report, comparison, say) for comparison in report.comparisons],
    )


def _draft(report: ForecastReport, place: int, say: Language) -> dict[str, Any]:
    forecast, zone = report.forecasts[place], report.zones[place]
    draft = forecast.draft
    week = report.weeks[place] if report.weeks else None
    lines = draft_lines(draft, report.owner_names, zone, say)
    return {
        "name": printable(name_text(draft, say)),
        "lines": [printable(line) for line in lines[:2]],
        "text": _shown(draft.text) or say("without_text"),
        "picture": _thumbnail(draft.picture),
        "asked": [" ".join(assignment_lines(asked, say.code)) for asked in report.asked[place]],
        "table": forecast_table(forecast, say),
        "levers": lever_lines(forecast, say),
        "similar": _similar(report.similar[place], zone, say),
        "week": _week(week, zone, say) if week is not None and week.activities else None,
    }


def _similar(posts: Sequence[SimilarPost], zone: ZoneInfo, say: Language) -> dict[str, Any] | None:
    if not posts:
        return None
    title = f"similar_by_{compared_in(posts)}"
    return {
        "title": say(title),
        "note": say(f"{title}_note"),
        "table": similar_table(posts, zone, say),
        "pictures": _pictures(posts, zone, say),
    }


def _pictures(posts: Sequence[SimilarPost], zone: ZoneInfo, say: Language) -> list[dict[str, str]]:
    """Pictures of similar posts that have one, with what stands below them."""
    drawn = ((post, _thumbnail(post.picture)) for post in posts)
    return [
        {
            "picture": picture,
            "wall": printable(wall_text(post, zone, say)),
            "likes": f"{say.activity('like')}: {say.rate(post.rates.get('like'))}",
        }
        for post, picture in drawn
        if picture is not None
    ]


def _week(week: Week, zone: ZoneInfo, say: Language) -> dict[str, Any]:
    grids = [
        {
            "title": say("grid_note", activity=say.activity(each.activity)),
            "classes": CLASSES,
            "days": [
                {"name": _day(day, say), "signs": signs}
                for day, signs in grid(each, week, zone).items()
            ],
        }
        for each in week.activities
        if any(each.is_evident)
    ]
    return {"table": week_table(week, zone, say), "grids": grids}


def _day(day: str, say: Language) -> str:
    found = date.fromisoformat(day)
    return f"{say.weekdays()[found.weekday()]} {say.short_date(found)}"


def _pair(report: ForecastReport, comparison: Comparison, say: Language) -> dict[str, Any]:
    first, second = (
        name_text(report.forecasts[place].draft, say)
        for place in (comparison.first, comparison.second)
    )
    return {
        "title": say("comparison", first=first, second=second),
        "lead": differs_line(comparison, say),
        "table": comparison_table(comparison, report.forecasts, say),
    }


def _shown(text: str) -> str:
    shown = printable(text[:SHOWN_CHARACTERS])
    return shown if len(text) <= SHOWN_CHARACTERS else f"{shown}…"


def _thumbnail(picture: bytes | None) -> str | None:
    """A small JPEG of its own as a data URL: no byte of the file that came is in the page."""
    if picture is None:
        return None
    image = decode_picture(picture, longest_side=THUMBNAIL_SIDE).image
    if image is None:
        return None
    file = io.BytesIO()
    image.info.clear()
    image.save(file, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"


def _styles() -> str:
    environment = _environment()
    loader = environment.loader
    assert loader is not None  # noqa: S101 - see _environment
    return "\n".join(
        loader.get_source(environment, name)[0] for name in ("report.css", "drafts.css")
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=ChoiceLoader(
            [PackageLoader("vkflow.drafts"), PackageLoader("vkflow.insights.report")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
