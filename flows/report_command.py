"""``vkflow report``: write the morning report, and show it."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.running import AsOf, run_flow


def report(
    date: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Report as of the end of this day. Default: now."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    as_of: AsOf = None,
) -> None:
    """Write the morning report to reports/<date>.html."""
    file = run_flow("report", None, None, as_of, date=None if date is None else date.date())
    typer.echo(file)
    if open_page:
        typer.launch(Path(str(file)).resolve().as_uri())
