"""``vkflow draft``: forecast posts before they are published."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from flows.environment import prepare_prefect
from flows.running import AsOf
from vkflow.errors import DraftError
from vkflow.printing import printable
from vkflow.settings import Settings

if TYPE_CHECKING:
    from vkflow.drafts.draft import Draft
    from vkflow.drafts.forecast_report import ForecastReport

Texts = Annotated[
    list[str] | None, typer.Option("--text", help="Text of a draft; several: several drafts.")
]
TextFiles = Annotated[
    list[Path] | None, typer.Option("--text-file", help="File with the text of a draft, UTF-8.")
]
Picture = Annotated[str, typer.Option(help="File, https address or base64 of the picture.")]
Owner = Annotated[
    str, typer.Option(help="Name, link or id of the owner; not needed where there is only one.")
]
At = Annotated[
    str,
    typer.Option(
        help="When it would appear, by the owner's clock: 2026-11-30 18:00. Default: now."
    ),
]
File = Annotated[
    str,
    typer.Option(
        "--file",
        help="CSV or Parquet of drafts with the column text, and if wanted owner_id, "
        "published_at, photo (base64), is_ad.",
    ),
]
Query = Annotated[
    str,
    typer.Option(help="SELECT of drafts, as of a file, from the database of VKFLOW_DATABASE__URL."),
]
PageFile = Annotated[Path | None, typer.Option("--page", help="Write an HTML page to this file.")]
Open = Annotated[
    bool, typer.Option("--open", help="Show the page; without --page in reports/drafts/.")
]
Keep = Annotated[
    bool, typer.Option("--keep", help="Store drafts and forecasts, to be judged by their posts.")
]
When = Annotated[
    bool, typer.Option("--when", help="Forecast every hour of the next seven days, too.")
]
Similar = Annotated[
    Literal["both", "text", "picture"],
    typer.Option(help="By what posts are found that a draft resembles; both: whichever it has."),
]
OwnWall = Annotated[
    bool, typer.Option("--own-wall", help="Look for what it resembles on its own wall only.")
]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


def draft(
    text: Texts = None,
    text_file: TextFiles = None,
    picture: Picture = "",
    owner: Owner = "",
    at: At = "",
    file: File = "",
    query: Query = "",
    when: When = False,
    similar: Similar = "both",
    own_wall: OwnWall = False,
    as_json: Json = False,
    page: PageFile = None,
    open_page: Open = False,
    keep: Keep = False,
    as_of: AsOf = None,
) -> None:
    """Say what posts would get, before they are published.

    Two texts are compared: vkflow draft --owner club1 --text "One" --text "Two" --when
    """
    from flows.options import RunOptions

    options = RunOptions(as_of=as_of)
    settings, moment = options.settings(), options.moment()
    prepare_prefect(settings.home)
    from tasks.drafting import tell_of
    from tasks.pages import write_drafts_page
    from tasks.resembling import Search

    texts = _texts(settings, text or [], text_file or [])
    drafts = _drafts(settings, moment, texts, picture, owner, at, file, query)
    search = Search(similar, own_wall)
    report = tell_of(settings, moment, drafts, with_week=when, search=search)
    written = write_drafts_page(settings, report, page) if page or open_page else None
    _print(report, written, as_json=as_json)
    if keep:
        from tasks.keeping import keep_drafts

        kept = keep_drafts(settings, report)
        typer.echo(f"Kept {kept}: `drafts` and `draft_outcomes` show them after a night.", err=True)
    if written and open_page:
        typer.launch(written.resolve().as_uri())


def _texts(settings: Settings, texts: list[str], files: list[Path]) -> list[str]:
    from vkflow.drafts.intake import read_text_file

    return [*texts, *(read_text_file(each, settings.text.max_characters) for each in files)]


def _drafts(
    settings: Settings,
    moment: datetime,
    texts: list[str],
    picture: str,
    owner: str,
    at: str,
    file: str,
    query: str,
) -> "list[Draft]":
    from tasks.draft_intake import intake_of
    from vkflow.drafts.database import query_drafts
    from vkflow.drafts.files import read_drafts

    if sum(map(bool, (texts, file, query))) > 1:
        raise DraftError("too_much")
    intake = intake_of(settings, moment)
    if query:
        make = intake.from_row(owner, at, picture)
        return query_drafts(settings.database, query, make)
    if file:
        encoding = None if settings.dataset.encoding == "auto" else settings.dataset.encoding
        make = intake.from_row(owner, at, picture)
        return read_drafts(file, settings.dataset.columns, encoding, make)
    return [
        intake.draft(f"draft {number}", text=each, picture=picture, owner=owner, at=at)
        for number, each in enumerate(texts or [""], start=1)
    ]


def _print(report: "ForecastReport", written: Path | None, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(_as_json(report) + "\n")
        return
    from flows.draft_tables import print_forecasts

    print_forecasts(report)
    if written:
        typer.echo(written)


def _as_json(report: "ForecastReport") -> str:
    from vkflow.drafts.document import as_document

    text = json.dumps(as_document(report), ensure_ascii=False, allow_nan=False, indent=2)
    return printable(text) if sys.stdout.isatty() else text
