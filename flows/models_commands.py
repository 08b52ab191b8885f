"""``vkflow models``: what was trained, which one is in use, and fetching encoders."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from vkflow.settings import Settings, load_settings

app = typer.Typer(help="Bundles that were trained, and models to download.", no_args_is_help=True)


@app.command("list")
def list_models() -> None:
    """All bundles with their status and the reason for it, newest first."""
    from flows.tables import print_table
    from tasks.step import warehouse_of
    from warehouse import models

    with warehouse_of(load_settings()) as connection:
        print_table(models.list_models(connection))


@app.command()
def show(
    model_version: Annotated[
        str | None, typer.Argument(help="A version `vkflow models list` shows. Default: champion.")
    ] = None,
) -> None:
    """What a bundle was made from, how good it is, and every feature with its meaning."""
    from flows.tables import print_bundle
    from tasks.step import warehouse_of
    from vkflow.modelling.bundles import read_manifest
    from warehouse import models

    settings = load_settings()
    with warehouse_of(settings) as connection:
        version = model_version or models.champion_version(connection, datetime.now(UTC))
        if version is None:
            typer.echo("there is no champion yet")
            raise typer.Exit(1)
        manifest = read_manifest(settings.models_directory, version)
        metrics = models.read_metrics(connection, version)
    print_bundle(manifest, metrics)


@app.command()
def pull(
    name: Annotated[
        str,
        typer.Argument(
            help="xlm-roberta-base, another encoder, a CLIP MODEL:PRETRAINED, or e5-small."
        ),
    ] = "xlm-roberta-base",
    to: Annotated[Path | None, typer.Option(help="Default: models/hub in the home.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit, tag or branch on the hub.")] = None,
) -> None:
    """Fetch a production model to a folder, to be copied to machines without internet."""
    from vkflow.neural.hub import pull_model

    target = to or load_settings().hub_directory
    pulled = pull_model(name, target, revision)
    typer.echo(f"{pulled.directory} is complete. To use it: {pulled.setting}")


@app.command()
def promote(
    model_version: Annotated[str, typer.Argument(help="A version `vkflow models list` shows.")],
) -> None:
    """Make a bundle the champion by hand."""
    with _only_writer() as settings:
        _promote(settings, model_version, "promoted by hand")


@app.command()
def rollback() -> None:
    """Go back to the champion before this one."""
    from tasks.step import warehouse_of
    from warehouse import models

    with _only_writer() as settings:
        with warehouse_of(settings) as connection:
            previous = models.previous_champion(connection)
        _promote(settings, previous, "rolled back by hand")


@contextmanager
def _only_writer() -> Iterator[Settings]:
    """Nobody else decides meanwhile, or the file could name another champion than the warehouse."""
    from tasks.step import catalog_of
    from warehouse.catalogs import only_writer

    settings = load_settings()
    with only_writer(catalog_of(settings), "promotion", settings.warehouse.wait_seconds):
        yield settings


def _promote(settings: Settings, model_version: str, reason: str) -> None:
    from tasks.step import warehouse_of
    from vkflow.modelling.bundles import load_bundle, name_champion
    from warehouse import models

    load_bundle(settings.models_directory, model_version)  # a damaged one must not take over
    with warehouse_of(settings) as connection:
        models.decide(
            connection,
            model_version,
            promoted=True,
            reason=reason,
            decided_at=datetime.now(UTC),
        )
    name_champion(settings.models_directory, model_version)
    typer.echo(f"{model_version} is the champion now; `vkflow score` scores with it")
