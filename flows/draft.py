"""Forecast posts before they are published: what they would get, and what carries it."""

from datetime import datetime

from prefect import flow
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from pydantic import BaseModel, ConfigDict, Field

from flows.options import RunOptions
from tasks.draft_intake import intake_of
from tasks.drafting import markdown_of, tell_of, title_of
from tasks.keeping import keep_drafts
from tasks.pages import address_of, write_drafts_page
from tasks.resembling import Search
from vkflow.drafts.draft import Draft
from vkflow.drafts.nearest import Compared
from vkflow.errors import translated_errors
from vkflow.settings import Settings


class DraftOptions(BaseModel):
    """A draft, or two to compare; they may differ in the text."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field("", title="Text", description="As it would be published.")
    other_text: str = Field(
        "", title="Other text", description="A second version, beside the first. Empty: none."
    )
    picture: str = Field(
        "",
        title="Picture",
        description="Its https address on VK, or the file as base64. Empty: no picture.",
    )
    owner: str = Field(
        "",
        title="Owner",
        description="Name, link or id of the wall, such as club7. Empty: the only one there is.",
    )
    at: str = Field(
        "",
        title="Published at",
        description="Such as 2026-11-30 18:00, by the owner's clock. Empty: now.",
    )
    when: bool = Field(
        False, title="When to post", description="Forecast every hour of the next seven days, too."
    )
    page: bool = Field(
        False, title="Page", description="Write it as an HTML page with pictures, too."
    )
    keep: bool = Field(
        False,
        title="Keep",
        description="Store the drafts and their forecasts, to be judged by the posts they become.",
    )
    similar: Compared = Field(
        "both",
        title="What it resembles by",
        description="Published posts are found by text and picture together, or by one of them. A "
        "draft that has only one is compared by that.",
    )
    own_wall: bool = Field(
        False,
        title="Own wall",
        description="Look for what it resembles on its own wall only. Off: on others, too.",
    )
    as_of: datetime | None = Field(
        None, title="As of", description="Know nothing later than this moment. None: now."
    )


@flow(name="draft", description=__doc__)
def draft(options: DraftOptions = DraftOptions()) -> str:  # noqa: B008
    """Forecast the drafts; returns the Markdown of the artifact."""
    run = RunOptions(as_of=options.as_of)
    settings, moment = run.settings(), run.moment()
    with translated_errors(settings.report.language):
        drafts = _drafts(options, settings, moment)
        search = Search(options.similar, options.own_wall)
        report = tell_of(settings, moment, drafts, with_week=options.when, search=search)
    markdown = markdown_of(report, settings.report.language)
    title = title_of(report, settings.report.language)
    create_markdown_artifact(markdown, key="draft", description=title)
    if options.page:
        file = write_drafts_page(settings, report, None)
        create_link_artifact(link=address_of(settings, file), link_text=file.name, key="draft-page")
    if options.keep:
        keep_drafts(settings, report)
    return markdown


def _drafts(options: DraftOptions, settings: Settings, moment: datetime) -> list[Draft]:
    """Who fills in the form must not read files of the worker's machine."""
    intake = intake_of(settings, moment, reads_files=False)
    texts = [options.text, *([options.other_text] if options.other_text else [])]
    return [
        intake.draft(
            f"draft {number}",
            text=text,
            picture=options.picture,
            owner=options.owner,
            at=options.at,
        )
        for number, text in enumerate(texts, start=1)
    ]
