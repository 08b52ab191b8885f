"""The command ``vkflow``: one command per flow, and the tools around them.

Every heavy import waits inside its command, so that ``vkflow sql`` answers at once.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from flows import (
    draft_command,
    models_commands,
    operations_commands,
    report_command,
    sample_commands,
    study_commands,
    trial_commands,
)
from flows.running import AsOf, File, Source, load_flow, run_flow
from vkflow.errors import VkflowError
from vkflow.printing import printable
from vkflow.settings import load_settings
from warehouse.errors import WarehouseError

QUERY_MEMORY = "4GB"
"""Of a query of ``vkflow sql``, unless ``warehouse.memory_limit`` says else."""

app = typer.Typer(
    help="Nightly scoring of VK posts: the probability that one view turns into an activity.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(sample_commands.app, name="sample")
app.add_typer(models_commands.app, name="models")
app.add_typer(trial_commands.app, name="trial")
app.command()(study_commands.experiment)
app.command()(study_commands.search)
app.command()(study_commands.backtest)
app.command()(operations_commands.serve)
app.command()(operations_commands.automate)
app.command()(operations_commands.unlock)
app.command()(operations_commands.restore)
app.command()(operations_commands.maintenance)
app.command()(report_command.report)
app.command()(draft_command.draft)


@app.command()
def nightly(source: Source = None, path: File = None, as_of: AsOf = None) -> None:
    """Pull, embed, tag, train, score, publish and report."""
    from rich.console import Console
    from rich.markdown import Markdown

    summary = run_flow("nightly", source, path, as_of)
    Console().print(Markdown(str(summary)))


@app.command()
def pull(source: Source = None, path: File = None, as_of: AsOf = None) -> None:
    """Pull new posts and counts into the warehouse."""
    run_flow("pull", source, path, as_of)


@app.command()
def features(source: Source = None, as_of: AsOf = None) -> None:
    """Embed texts and tag pictures that have no features yet."""
    run_flow("features", source, None, as_of)


@app.command()
def train(source: Source = None, as_of: AsOf = None) -> None:
    """Train a bundle, judge it, promote it or turn it down."""
    run_flow("train", source, None, as_of)


@app.command()
def score(source: Source = None, as_of: AsOf = None) -> None:
    """Score the posts of the window with the champion."""
    run_flow("score", source, None, as_of)


@app.command()
def publish() -> None:
    """Replace the published snapshot by what the warehouse holds now."""
    run_flow("publish", None, None, None)


@app.command()
def export() -> None:
    """Write the published predictions to tables of a database of your own."""
    run_flow("export", None, None, None)


@app.command()
def sql(
    statement: Annotated[
        str, typer.Argument(help="A query on the published snapshot, or several with semicolons.")
    ],
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV, all rows.")] = False,
) -> None:
    """Query the published snapshot, read-only; several answers are printed one after another."""
    from flows.tables import print_answer, write_csv
    from warehouse.memory import bounded_memory
    from warehouse.publishing import read_answers

    settings = load_settings()
    limit = settings.warehouse.memory_limit or QUERY_MEMORY
    with bounded_memory(limit):
        for answer in read_answers(settings.snapshot_file, statement, limit):
            (write_csv if csv else print_answer)(answer)


@app.command()
def demo(
    posts: Annotated[int, typer.Option(min=500, help="Sample posts to write.")] = 2_000,
) -> None:
    """Write sample posts and run two nights on them, the second with new posts."""
    settings = load_settings(source="sample")

    def prepare_night() -> None:
        from flows.demo import prepare

        prepare(settings, posts)

    night = load_flow("nightly", settings.home, meanwhile=prepare_night)
    from flows.demo import run_nights

    run_nights(settings, night)


@app.command()
def doctor(source: Source = None) -> None:
    """Say what is installed, found and reachable, and what to do about the rest."""
    from flows.doctor import run_checks
    from flows.tables import print_checks

    healthy = print_checks(run_checks(None if source is None else source.value))
    raise typer.Exit(0 if healthy else 1)


def main() -> None:
    """Run the command; errors meant for people end it with one message and status 1."""
    if sys.stdout is None:  # closed, as by >&-
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the end
    try:
        app()
    except (VkflowError, WarehouseError) as error:
        _complain(str(error))
    except MemoryError:
        _complain("there is not enough memory for this: ask for less at a time")
    except UnicodeEncodeError as error:
        _complain(
            f"the output is in {error.encoding}, which lacks characters: set PYTHONIOENCODING=utf-8"
        )
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _complain(f"{place}{error.strerror or error}")


def _complain(message: str) -> NoReturn:
    typer.secho(f"vkflow: {printable(message)}", fg=typer.colors.RED, err=True)
    sys.exit(1)
