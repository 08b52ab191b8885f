"""Data set files as a source: one row is a post with its counts, text and base64 picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl

from vkflow.errors import SourceError
from vkflow.sources.columns import check_mapping
from vkflow.sources.dataset.csv_file import read_csv
from vkflow.sources.dataset.files import find_files, kind_of
from vkflow.sources.dataset.parquet_file import read_parquet
from vkflow.sources.dataset.records import Damaged
from vkflow.sources.dataset.remote import MEBIBYTE, download_once, is_remote
from vkflow.sources.dataset.transports import shown
from vkflow.sources.rows import SeenRows, rows_to_chunk
from vkflow.sources.source import REJECTED_SCHEMA, Chunk

REQUIRED = (
    "view",
    "like",
    "comment",
    "hide",
    "expand",
    "open_photo",
    "open",
    "share_to_message",
    "text",
    "photo",
)
CHUNK_ROWS = 20_000


class DatasetSource:
    """Reads CSV (also gzipped) and Parquet files in chunks.

    Args:
        path: a file, a folder or pattern of them, or a URL.
        downloads: folder for files behind a URL.
        columns: names of columns in the files by ours, where they differ.
        chunk_rows: most rows at a time.

    Raises:
        SettingsError: ``columns`` names a column there is no use for.
    """

    name = "dataset"

    def __init__(
        self,
        path: str,
        downloads: Path,
        columns: Mapping[str, str] | None = None,
        chunk_rows: int = CHUNK_ROWS,
    ) -> None:
        self._path, self._downloads = path, downloads
        self._columns, self._chunk_rows = columns or {}, chunk_rows
        check_mapping(self._columns, "dataset.columns")

    def fetch(self, since: str | None, as_of: datetime) -> Iterator[Chunk]:
        """All rows of all files; what is stored already stays as it is."""
        path = self._path
        if is_remote(path):
            path = str(download_once(path, self._downloads))
        rows = 0
        for file in find_files(path):
            for chunk in self._read(file):
                rows += chunk.seen or 0
                yield chunk
        if not rows:
            raise SourceError(f"{path} has a header but no rows")

    def examine(self) -> str:
        """What a pull would read.

        Raises:
            SourceError: there is no such file.
        """
        if is_remote(self._path):
            return f"{shown(self._path)}, downloaded once into {self._downloads}"
        files = find_files(self._path)
        size = sum(file.stat().st_size for file in files)
        kinds = ", ".join(sorted({kind_of(file) for file in files}))
        return f"{self._path}, {len(files)} files ({kinds}), {size / MEBIBYTE:.1f} MiB"

    def _read(self, file: Path) -> Iterator[Chunk]:
        kind, seen, name = kind_of(file), SeenRows(), f"{file.name} row "
        if kind == "parquet":
            raws = read_parquet(file, self._columns, REQUIRED, self._chunk_rows)
        else:
            raws = read_csv(file, kind, self._columns, REQUIRED, self._chunk_rows)
        for number, raw in enumerate(raws):
            chunk = rows_to_chunk(raw.rows, seen, partial(_name_rows, name))
            chunk = _with_damaged(chunk, raw.damaged, name)
            yield replace(chunk, reread=name) if number == 0 else chunk


def _name_rows(name: str, rows: pl.DataFrame) -> pl.Series:
    return rows.select(pl.format(f"{name}{{}}", "row")).to_series()


def _with_damaged(chunk: Chunk, damaged: Sequence[Damaged], name: str) -> Chunk:
    if not damaged:
        return chunk
    rows = [(f"{name}{each.row}", each.reason, each.text) for each in damaged]
    rejected = pl.DataFrame(rows, schema=dict(REJECTED_SCHEMA), orient="row")
    return replace(
        chunk,
        rejected=pl.concat([chunk.rejected, rejected]),
        seen=(chunk.seen or 0) + len(damaged),
    )
