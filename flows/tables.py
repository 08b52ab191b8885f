"""Tables for the terminal."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.doctor import Check
from vkflow.printing import printable
from warehouse.errors import QueryError

if TYPE_CHECKING:
    from vkflow.modelling.bundles import Manifest

MAX_ROWS = 50
MIN_CHARACTERS = 24
"""Longer values may be folded to so many."""

SHOWN_CHARACTERS = 20_000
"""Of a value; to fold one of 20 million takes minutes."""

MAX_CHARACTERS = 2**25
"""Of JSON and hexadecimal digits at once, which Polars takes many times to write them out."""

BORDER, MIN_WIDTH = 3, 10


def print_answer(batches: Iterable[pl.DataFrame]) -> None:
    """Print the first rows of what comes in batches, and how many more there are."""
    schema, rows, n_rows = pl.Schema(), list[list[str]](), 0
    for batch in batches:
        schema, n_rows = batch.schema, n_rows + len(batch)
        rows += _shown_rows(batch.head(MAX_ROWS - len(rows)))
    _print_rows(schema, rows, None)
    _tell_more(n_rows)


def print_table(frame: pl.DataFrame, title: str | None = None) -> None:
    """Print the first rows of a frame; text from posts is shown as it is, never as markup."""
    _print_rows(frame.schema, _shown_rows(frame.head(MAX_ROWS)), title)
    _tell_more(len(frame))


def _tell_more(n_rows: int) -> None:
    if n_rows > MAX_ROWS:
        Console().print(f"… {n_rows - MAX_ROWS} rows more; --csv prints all of them")


def _shown_rows(frame: pl.DataFrame) -> list[list[str]]:
    return [[*map(_shown, row)] for row in frame.iter_rows()]


def _print_rows(schema: pl.Schema, rows: Sequence[Sequence[str]], title: str | None) -> None:
    console = Console()
    if console.width < MIN_WIDTH:  # COLUMNS=0: it would print nothing
        console = Console(width=MIN_WIDTH)
    names = [*map(printable, schema)]
    if _is_too_wide(names, rows, console.width):
        return _print_list(console, names, rows, title)
    table = Table(title=title)
    for name, kind in zip(names, schema.dtypes(), strict=True):
        justify: Literal["left", "right"] = "right" if kind.is_numeric() else "left"
        table.add_column(Text(name), justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def write_csv(batches: Iterable[pl.DataFrame]) -> None:
    """Write what comes in batches to standard output; on a terminal without control characters."""
    for number, batch in enumerate(batches):
        text = as_csv(batch, header=number == 0)
        sys.stdout.write(printable(text) if sys.stdout.isatty() else text)


def as_csv(frame: pl.DataFrame, *, header: bool = True) -> str:
    """All rows; lists and records are JSON, bytes hexadecimal digits.

    Raises:
        QueryError: a column has a type that has no such form.
    """
    kinds = frame.schema.items()
    odd = [name for name, kind in kinds if kind.is_nested() or kind in (pl.Binary, pl.Object)]
    texts = {name: [*map(_as_text, frame[name].to_list())] for name in odd}
    if sum(len(text or "") for column in texts.values() for text in column) > MAX_CHARACTERS:
        return _as_csv_by_halves(frame, header=header)
    try:
        columns = (pl.Series(name, column, pl.String) for name, column in texts.items())
        return frame.with_columns(columns).write_csv(include_header=header)
    except pl.exceptions.PolarsError as error:
        reason = str(error).partition("\n")[0]
        raise QueryError(f"no CSV can be made of it ({reason}): cast it to VARCHAR") from None


def _as_csv_by_halves(frame: pl.DataFrame, *, header: bool) -> str:
    """JSON repeats the names of a record for each: of little data it makes any number of bytes."""
    if len(frame) == 1:
        raise QueryError(
            f"a row takes more than {MAX_CHARACTERS:,} characters of JSON: ask for parts of it"
        )
    half = len(frame) // 2
    return as_csv(frame[:half], header=header) + as_csv(frame[half:], header=False)


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, ensure_ascii=False, default=str)


def _is_too_wide(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Whether columns would be so narrow that numbers and names break within."""
    needed = 1
    for place, name in enumerate(names):
        longest = max((len(row[place]) for row in rows), default=0)
        needed += BORDER + max(len(name), min(longest, MIN_CHARACTERS))
    return needed > width


def _print_list(
    console: Console, names: Sequence[str], rows: Sequence[Sequence[str]], title: str | None
) -> None:
    """One line a value, a blank line between rows."""
    if title:
        console.print(Text(title, style="italic"))
    width = max(map(len, names))
    for row in rows:
        for name, value in zip(names, row, strict=True):
            console.print(Text(f"{name:<{width}}  {value}"))
        console.print()


HEADLINES = (
    "log_loss_per_view",
    "gain_over_global",
    "gain_over_owner",
    "calibration_slope",
    "auc",
    "oracle_share",
)


def print_bundle(manifest: "Manifest", metrics: pl.DataFrame) -> None:
    """Print a bundle: where it comes from, its figures on the test window, its features."""
    console = Console()
    _say(
        console,
        f"{manifest.model_version}, trained on posts of {manifest.trained_on_from} to "
        f"{manifest.trained_on_to}\ntext: {manifest.encoder_id}\npictures: {manifest.tagger_id}, "
        f"{manifest.taxonomy}\nposts: {manifest.split_sizes}",
    )
    for activity, reason in manifest.skipped.items():
        _say(console, f"{activity} is predicted by the owner's rate: {reason}")
    test = metrics.filter(pl.col("split") == "test", pl.col("metric").is_in(HEADLINES))
    if len(test):
        wide = test.pivot(on="metric", index="activity", values="value")
        print_table(wide, "On its test window")
    table = Table(title=f"{len(manifest.features)} features")
    table.add_column("feature")
    table.add_column("meaning")
    for name, meaning in manifest.features.items():
        table.add_row(Text(printable(name)), Text(printable(meaning)))
    console.print(table)


def _say(console: Console, text: str) -> None:
    """As it is: neither markup nor control characters of a file do anything."""
    console.print(Text(printable(text)))


def print_checks(checks: Sequence[Check]) -> bool:
    """Print what the doctor found; returns whether all is well."""
    table = Table(show_header=False, box=None)
    for check in checks:
        mark = Text("ok", style="green") if check.ok else Text("!!", style="bold red")
        table.add_row(mark, check.name, Text(printable(check.finding)))
    Console().print(table)
    return all(check.ok for check in checks)


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    rest = len(text) - SHOWN_CHARACTERS
    return printable(text if rest <= 0 else f"{text[:SHOWN_CHARACTERS]}… ({rest} characters more)")
