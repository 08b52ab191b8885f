"""Tables for the terminal."""

from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.doctor import Check
from vkflow.modelling.bundles import Manifest

MOST_ROWS = 50


def print_table(frame: pl.DataFrame, title: str | None = None) -> None:
    """Print a frame; text from posts is shown as it is, never as markup."""
    table = Table(title=title)
    for name, kind in frame.schema.items():
        table.add_column(name, justify="right" if kind.is_numeric() else "left", overflow="fold")
    for row in frame.head(MOST_ROWS).iter_rows():
        table.add_row(*(Text(_shown(value)) for value in row))
    Console().print(table)
    if len(frame) > MOST_ROWS:
        Console().print(f"… {len(frame) - MOST_ROWS} rows more; --csv prints all of them")


HEADLINES = (
    "log_loss_per_view",
    "gain_over_global",
    "gain_over_owner",
    "calibration_slope",
    "auc",
    "oracle_share",
)


def print_bundle(manifest: Manifest, metrics: pl.DataFrame) -> None:
    """Print a bundle: where it comes from, its figures on the test window, its features."""
    console = Console()
    console.print(
        f"{manifest.model_version}, trained on posts of {manifest.trained_on_from} to "
        f"{manifest.trained_on_to}\ntext: {manifest.encoder_id}\npictures: {manifest.tagger_id}, "
        f"{manifest.taxonomy}\nposts: {manifest.split_sizes}"
    )
    for activity, reason in manifest.skipped.items():
        console.print(f"{activity} is predicted by the owner's rate: {reason}")
    test = metrics.filter(pl.col("split") == "test", pl.col("metric").is_in(HEADLINES))
    if len(test):
        wide = test.pivot(on="metric", index="activity", values="value")
        print_table(wide, "On its test window")
    table = Table(title=f"{len(manifest.features)} features")
    table.add_column("feature")
    table.add_column("meaning")
    for name, meaning in manifest.features.items():
        table.add_row(name, Text(meaning))
    console.print(table)


def print_checks(checks: Sequence[Check]) -> bool:
    """Print what the doctor found; returns whether all is well."""
    table = Table(show_header=False, box=None)
    for check in checks:
        mark = Text("ok", style="green") if check.ok else Text("!!", style="bold red")
        table.add_row(mark, check.name, Text(check.finding))
    Console().print(table)
    return all(check.ok for check in checks)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
