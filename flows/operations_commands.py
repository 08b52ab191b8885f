"""``vkflow serve``, ``automate``, ``unlock``, ``restore``, ``maintenance``: to keep it running."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.environment import prepare_prefect
from flows.running import load_flow
from vkflow.printing import printable
from vkflow.settings import load_settings
from vkflow.settings.section import MAX_DAYS


def serve(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the Prefect UI.")] = 4200,
) -> None:
    """Serve it on this machine: Prefect's server and UI, all deployments, and a worker."""
    from flows.serving import serve as run_until_stopped

    run_until_stopped(load_settings(), port, typer.echo)
    typer.echo("Stopped.")


def automate(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)] = Path(
        "deployments/automations.yaml"
    ),
) -> None:
    """Make or renew the automations on the server of PREFECT_API_URL; serve does it by itself."""
    prepare_prefect(load_settings().home)
    from flows.automations import apply_automations

    for name in apply_automations(file):
        typer.echo(name)


def unlock() -> None:
    """Free the home of a writer that is gone; one that lives keeps it."""
    from tasks.step import catalog_of
    from warehouse.catalogs import free_from_gone_writer

    writer = free_from_gone_writer(catalog_of(load_settings()))
    typer.echo("nobody holds the lock" if writer is None else f"freed from {writer}: it is gone")


def restore(
    backup: Annotated[
        Path | None, typer.Argument(help="One of those --list shows. Default: the newest.")
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Only list the backups.")] = False,
) -> None:
    """Put a backup in the place of the warehouse; what is there is kept aside."""
    from tasks.step import catalog_of
    from warehouse.catalogs import list_backups, only_writer
    from warehouse.catalogs import restore as put_back
    from warehouse.errors import WarehouseError

    settings = load_settings()
    catalog, folder = catalog_of(settings), settings.backups_directory
    backups = list_backups(catalog, folder)
    if list_only:
        for file in backups:
            typer.echo(f"{printable(str(file))}  {file.stat().st_size / 2**20:.0f} MiB")
        return
    if backup is None and not backups:
        raise WarehouseError(f"there is no backup in {folder.absolute()}")
    chosen = backup or backups[0]
    with only_writer(catalog, "restore", settings.warehouse.wait_seconds):
        aside = put_back(chosen, catalog, folder, datetime.now(UTC))
    moved = f"; what was there is {aside}" if aside else ""
    typer.echo(f"{catalog} is {chosen.name} now{moved}")
    typer.echo("`vkflow publish` renews the snapshot; the next night pulls and scores what is new")


def maintenance(
    older_than_days: Annotated[
        int, typer.Option(min=1, max=MAX_DAYS, help="Nothing younger is touched.")
    ] = 180,
    apply: Annotated[bool, typer.Option("--apply", help="Delete it. Default: only tell.")] = False,
) -> None:
    """Tell what is no longer needed, or delete it: snapshots, bundles, pictures, reports."""
    import polars as pl

    from flows.tables import print_table

    flow = load_flow("maintenance", load_settings().home)
    rows = flow({"older_than_days": older_than_days, "dry_run": not apply})
    title = "Deleted" if apply else "To be deleted: --apply does it"
    print_table(pl.DataFrame(rows), title)
