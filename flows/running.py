"""How a command runs a flow, and the arguments all of them share."""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.environment import prepare_prefect
from flows.temporary_server import start_temporary_server


class SourceChoice(StrEnum):
    """Sources on the command line."""

    sample = "sample"
    dataset = "dataset"
    database = "database"
    vk = "vk"


Source = Annotated[
    SourceChoice | None, typer.Option(help="Where posts come from. Default: as in the settings.")
]
File = Annotated[
    str | None,
    typer.Option("--path", help="File, folder or URL of CSV or Parquet, for the source dataset."),
]
AsOf = Annotated[
    datetime | None, typer.Option(help="Run as if it were this moment (UTC). Default: now.")
]


def run_flow(
    name: str,
    source: SourceChoice | None,
    path: str | None,
    as_of: datetime | None,
    **more: object,
) -> object:
    """Check the options first, since Prefect takes long to start; then run the flow."""
    from flows.options import RunOptions
    from vkflow.sources.opening import open_source

    arguments = {
        "source": source and source.value,
        "path": path,
        "as_of": as_of,
    }
    given = {name: value for name, value in arguments.items() if value is not None}
    settings = RunOptions(**given).settings()
    if name in ("nightly", "pull"):
        open_source(settings)
    return load_flow(name, settings.home)({**given, **more})


def load_flow(
    name: str, home: Path, meanwhile: Callable[[], None] | None = None
) -> Callable[[dict[str, object]], Any]:
    """The flow of a module of this package, imported only now, with Prefect's files in the home.

    Args:
        name: of the flow and its module.
        home: where Prefect's files are.
        meanwhile: what can be done while a temporary server starts, which takes ten seconds.

    Raises:
        TerminalError: the temporary server did not start.
    """
    prepare_prefect(home)
    server = start_temporary_server()
    flow: Callable[[dict[str, object]], Any] = getattr(import_module(f"flows.{name}"), name)
    if meanwhile is not None:
        meanwhile()
    if server is not None:
        server.wait()
    return flow
