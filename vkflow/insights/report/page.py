"""The whole page: sections in order, one template, nothing from outside."""

from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vkflow.insights.report.advice import advice_section
from vkflow.insights.report.data import ReportData
from vkflow.insights.report.drift import drift_section
from vkflow.insights.report.exploration import exploration_section
from vkflow.insights.report.language import Language
from vkflow.insights.report.model import model_section
from vkflow.insights.report.night import night_section
from vkflow.insights.report.outcomes import outcomes_section
from vkflow.insights.report.posts import posts_section
from vkflow.insights.report.trials import trials_section

SECTIONS = {
    "night": night_section,
    "posts": posts_section,
    "exploration": exploration_section,
    "model": model_section,
    "outcomes": outcomes_section,
    "drift": drift_section,
    "advice": advice_section,
    "trials": trials_section,
}


Sections = Mapping[str, Mapping[str, Any]]
"""By name, in order: what a section's part of the template shows, among it title and lead."""


def make_sections(data: ReportData, say: Language) -> Sections:
    """What the report has to say, its figures drawn.

    Args:
        data: everything it is made from.
        say: its language.
    """
    return {name: make(data, say) for name, make in SECTIONS.items()}


def render(data: ReportData, say: Language, sections: Sections | None = None) -> str:
    """The report as one HTML page that needs no other file and makes no request.

    Args:
        data: everything it is made from.
        say: its language.
        sections: of :func:`make_sections`, where they are there already.
    """
    environment = _environment()
    styles, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    local = data.as_of.astimezone(ZoneInfo(data.time_zone))
    return environment.get_template("page.html").render(
        say=say,
        styles=Markup(styles),  # noqa: S704 - a file of ours
        title=say("title", date=say.long_date(local)),
        subtitle=say("subtitle", moment=say.moment(local), zone=data.time_zone),
        sections=sections or make_sections(data, say),
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("vkflow.insights.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
