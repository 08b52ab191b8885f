"""The whole page: sections in order, one template, nothing from outside."""

from functools import cache
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


def render(data: ReportData, say: Language) -> str:
    """The report as one HTML page that needs no other file and makes no request.

    Args:
        data: everything it is made from.
        say: its language.
    """
    environment = _environment()
    styles, _, _ = environment.loader.get_source(environment, "report.css")  # type: ignore[union-attr]
    local = data.as_of.astimezone(ZoneInfo(data.time_zone))
    return environment.get_template("page.html").render(
        say=say,
        styles=Markup(styles),  # noqa: S704 - a file of ours
        title=say("title", date=say.long_date(local)),
        subtitle=say("subtitle", moment=say.moment(local), zone=data.time_zone),
        sections={name: section(data, say) for name, section in SECTIONS.items()},
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
