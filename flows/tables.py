"""Tables for the terminal."""

from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.doctor import Check

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
