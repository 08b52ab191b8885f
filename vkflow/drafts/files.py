"""Many drafts at once: a CSV or Parquet file with the columns of a data set, but without counts."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from vkflow.drafts.draft import MAX_DRAFTS, Draft, name_of
from vkflow.errors import DraftError, SourceError
from vkflow.sources.dataset.csv_file import RawRows, read_csv
from vkflow.sources.dataset.files import find_files, kind_of
from vkflow.sources.dataset.parquet_file import read_parquet
from vkflow.sources.values import truths
from vkflow.translation import Message

CHUNK_BYTES = 2**24
REQUIRED = ("text",)
MEANT = {"owner_id": ("owner",), "published_at": ("at",), "photo": ("picture",), "is_ad": ("ad",)}
"""What the options call them: left unread, a draft would be forecast for another wall or hour."""

MakeDraft = Callable[[str, Mapping[str, Any]], Draft]
"""Makes a draft of its name and its row: text, photo, owner_id, published_at (text, or None)."""


def read_drafts(
    path: str, columns: Mapping[str, str], encoding: str | None, make: MakeDraft
) -> list[Draft]:
    """The drafts of a file, in its order, called by their rows.

    Args:
        path: of one file with a column ``text``, and if wanted ``owner_id``, ``published_at``,
            ``photo`` (base64) and ``is_ad``.
        columns: their names by ours, where they differ.
        encoding: of a CSV file; ``None``: found.
        make: reads owner, time and picture.

    Raises:
        SourceError: there is no such file, it lacks a column, or has one with a misspelt name, or
            a row cannot be read.
        DraftError: it has no drafts, too many, or a row is none.
    """
    if "://" in path:  # not quoted: it may have a password
        raise DraftError("file_address")
    found = find_files(path)
    if not found.is_one:
        raise SourceError(f"{path} is no file of drafts, but a folder or a pattern")
    drafts: list[Draft] = []
    for raw in _read(found.files[0], columns, encoding):
        for damaged in raw.damaged:
            raise SourceError(f"{path} row {damaged.row}: {damaged.reason}")
        drafts += drafts_of_rows(raw.rows, make)
        if len(drafts) > MAX_DRAFTS:
            raise DraftError("many_in_file", path=path, most=MAX_DRAFTS)
    if not drafts:
        raise DraftError("none_in_file", path=path)
    return drafts


def _read(file: Path, columns: Mapping[str, str], encoding: str | None) -> Iterator[RawRows]:
    kind, limits = kind_of(file), (MAX_DRAFTS, CHUNK_BYTES)
    if kind == "parquet":
        return read_parquet(file, columns, REQUIRED, *limits, MEANT)
    return read_csv(file, kind, columns, REQUIRED, *limits, encoding, MEANT)


def drafts_of_rows(rows: pl.DataFrame, make: MakeDraft) -> Iterator[Draft]:
    """The drafts of rows, called by their number in the column ``row``.

    Raises:
        DraftError: a row is none.
    """
    marks = truths(rows["is_ad"])
    for row, is_ad in zip(rows.iter_rows(named=True), marks, strict=True):
        name = f"row {row['row']}"
        if (row["is_ad"] or "").strip() and is_ad is None:
            raise DraftError("of", name=name_of(name), problem=Message("drafts", "error_is_ad"))
        yield make(name, {**row, "is_ad": bool(is_ad)})
