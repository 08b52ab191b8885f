"""How a command runs a flow, and the arguments all of them share."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.environment import prepare_prefect
from flows.temporary_server import start_temporary_server
from vkflow.errors import VkflowError
from warehouse.errors import WarehouseError


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


def _without_traceback(record: logging.LogRecord) -> bool:
    """An error made for people is told in one line; of all others the traceback is shown."""
    error = record.exc_info[1] if record.exc_info else None
    is_of_a_file = isinstance(error, OSError) and error.filename
    if isinstance(error, VkflowError | WarehouseError) or is_of_a_file:
        record.exc_info = None
        record.msg, record.args = "%s", (str(error),)
    return True


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
        "as_of": as_of and as_of.replace(tzinfo=UTC),
    }
    given = {name: value for name, value in arguments.items() if value is not None}
    settings = RunOptions(**given).settings()
    if name in ("nightly", "pull"):
        open_source(settings)
    return load_flow(name, settings.home)({**given, **more})


def load_flow(name: str, home: Path) -> Callable[[dict[str, object]], Any]:
    """The flow of a module of this package, imported only now, with Prefect's files in the home."""
    prepare_prefect(home)
    server = start_temporary_server()
    for logger in ("prefect.flow_runs", "prefect.task_runs"):
        logging.getLogger(logger).addFilter(_without_traceback)
    flow: Callable[[dict[str, object]], Any] = getattr(import_module(f"flows.{name}"), name)
    if server is not None:
        server.wait()
    return flow
