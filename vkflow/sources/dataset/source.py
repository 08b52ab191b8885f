"""Data set files as a source: one row is a post with its counts, text and base64 picture."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl

from vkflow.errors import SourceError
from vkflow.printing import printable
from vkflow.sources.columns import check_mapping
from vkflow.sources.dataset.csv_file import read_csv
from vkflow.sources.dataset.files import SUFFIXES, find_files, kind_of, shown_names
from vkflow.sources.dataset.parquet_file import read_parquet
from vkflow.sources.dataset.records import Damaged
from vkflow.sources.dataset.remote import MEBIBYTE, Limits, download_once, is_remote, local_path
from vkflow.sources.dataset.transports import shown
from vkflow.sources.dataset.unowned import Unowned
from vkflow.sources.rows import SeenRows, rows_to_chunks
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
CHUNK_BYTES = 2**25
logger = logging.getLogger(__name__)


class DatasetSource:
    """Reads CSV (also gzipped) and Parquet files in chunks.

    Args:
        path: a file, a folder or pattern of them, or a URL.
        downloads: folder for files behind a URL.
        columns: names of columns in the files by ours, where they differ.
        chunk_rows: most rows at a time.
        encoding: of CSV files, one of ``CODECS``; ``None``: found.
        chunk_bytes: bytes of texts and pictures at a time, about.
        limits: of a download.

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
        encoding: str | None = None,
        *,
        chunk_bytes: int = CHUNK_BYTES,
        limits: Limits = Limits(),  # noqa: B008 - frozen
    ) -> None:
        self._limits = limits
        self._chunk_bytes = chunk_bytes
        self._path, self._downloads, self._encoding = local_path(path), downloads, encoding
        self._columns, self._chunk_rows = columns or {}, chunk_rows
        check_mapping(self._columns, "dataset.columns")

    def fetch(self, since: str | None, as_of: datetime) -> Iterator[Chunk]:
        """All rows of all files; what is stored already stays as it is.

        Of several files one that cannot be read is rejected, and the others are read.
        """
        path = self._path
        if is_remote(path):
            path = str(download_once(path, self._downloads, limits=self._limits))
        found, rows, unreadable = find_files(path), 0, list[str]()
        if found.skipped:
            logger.warning(
                "%s: not read, since the names do not end in %s: %s",
                printable(path), ", ".join(SUFFIXES), shown_names(found.skipped),
            )  # fmt: skip
        unowned = Unowned()
        for file in found.files:
            try:
                for chunk in self._read(file):
                    rows += chunk.seen or 0
                    yield chunk if found.is_one else _mended(unowned.apart(chunk, file.name), file)
            except SourceError as error:
                if found.is_one:
                    raise
                unreadable.append(file.name)
                yield _unreadable(file, str(error))
        for place, problem in found.unreadable:
            unreadable.append(place.name)
            yield _unreadable(place, f"{place} is {problem}")
        if not rows:
            raise SourceError(_without_rows(path, unreadable))

    def describe(self) -> str:
        """What a pull would read.

        Raises:
            SourceError: there is no such file.
        """
        if is_remote(self._path):
            return f"{shown(self._path)}, downloaded once into {self._downloads}"
        found = find_files(self._path)
        size = sum(file.stat().st_size for file in found.files)
        kinds = ", ".join(sorted({kind_of(file) for file in found.files}))
        others = [place.name for place, _ in found.unreadable]
        bad = f", cannot be read: {shown_names(others)}" if others else ""
        return f"{self._path}, {len(found.files)} files ({kinds}), {size / MEBIBYTE:.1f} MiB{bad}"

    def _read(self, file: Path) -> Iterator[Chunk]:
        kind, seen, name = kind_of(file), SeenRows(), f"{file.name} row "
        if kind == "parquet":
            raws = read_parquet(file, self._columns, REQUIRED, self._chunk_rows, self._chunk_bytes)
        else:
            raws = read_csv(
                file,
                kind,
                self._columns,
                REQUIRED,
                self._chunk_rows,
                self._chunk_bytes,
                self._encoding,
            )
        for number, raw in enumerate(raws):
            first, *others = rows_to_chunks(raw.rows, seen, partial(_name_rows, name))
            first = _with_damaged(first, raw.damaged, name)
            yield replace(first, reread=name) if number == 0 else first
            yield from others


def _without_rows(path: str, unreadable: Sequence[str]) -> str:
    if not unreadable:
        return f"{path} has a header but no rows"
    return (
        f"{path} gave no rows: {shown_names(unreadable)} cannot be read; the log and the "
        f"quarantine say why of each"
    )


def _key(file: Path) -> str:
    return f"file {file.name}"


def _mended(chunk: Chunk, file: Path) -> Chunk:
    return replace(chunk, mended=(*chunk.mended, _key(file)))


def _unreadable(file: Path, problem: str) -> Chunk:
    """A file as a row of the quarantine: it is one thing that could not be taken."""
    logger.warning("left out: %s", printable(problem))
    rejected = pl.DataFrame([(_key(file), problem, None)], dict(REJECTED_SCHEMA), orient="row")
    return Chunk(rejected=rejected)


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
