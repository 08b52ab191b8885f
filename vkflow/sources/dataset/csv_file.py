"""A CSV file, read some rows at a time."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from vkflow.errors import SourceError
from vkflow.sources.columns import COLUMNS, NOTHING, find_columns
from vkflow.sources.dataset.decoding import Decoder, find_encoding
from vkflow.sources.dataset.files import Kind, read_blocks
from vkflow.sources.dataset.records import Damaged, RecordReader, Records

CHUNK_CHARACTERS = 2**25
"""Of one chunk at most, pictures included: about a thousand posts with one."""

BEGINNING_BYTES = 1_000
SEPARATOR_NAMES = {",": "commas", ";": "semicolons", "\t": "tabulators"}
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RawRows:
    """Some rows of a file.

    Attributes:
        rows: ``row`` and ``COLUMNS``, as text.
        damaged: rows that could not be told apart into columns.
    """

    rows: pl.DataFrame
    damaged: tuple[Damaged, ...] = ()


def read_csv(
    file: Path,
    kind: Kind,
    mapping: Mapping[str, str],
    required: Sequence[str],
    chunk_rows: int,
    chunk_characters: int,
    encoding: str | None = None,
    meant: Mapping[str, Sequence[str]] = NOTHING,
) -> Iterator[RawRows]:
    """Rows of a CSV file with a header.

    Args:
        file: separated by commas, semicolons or tabulators.
        kind: whether it is zipped.
        mapping: names of its columns by ours, where they differ.
        required: columns that must be there.
        chunk_rows: most rows at a time.
        chunk_characters: of texts and pictures at a time, about.
        encoding: one of ``CODECS``; ``None``: UTF-8 or Windows-1251, found by reading it once.
        meant: see :func:`vkflow.sources.columns.find_columns`.

    Raises:
        SourceError: it is no such file, or lacks a column.
    """
    found = encoding or find_encoding(_readable(read_blocks(file, kind)), str(file))
    decoder = Decoder(found)
    reader = RecordReader(decoder.decode(read_blocks(file, kind)), decoder)
    if not any(reader.header):
        raise SourceError(f"{file} is empty")
    try:
        columns = find_columns(
            reader.header, mapping, required, str(file), is_file=True, meant=meant
        )
    except SourceError:
        if all(_is_text(name) for name in reader.header) and not _is_binary(file, kind):
            raise
        raise SourceError(f"{file} is neither CSV nor Parquet: its first line is no text") from None
    separators = SEPARATOR_NAMES[reader.separator]
    logger.info("%s is encoded in %s, with %s between columns", file, found or "ASCII", separators)
    for records in reader.chunks(chunk_rows, min(chunk_characters, CHUNK_CHARACTERS)):
        yield RawRows(_frame(records, reader, columns), tuple(records.damaged))


def _readable(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """What can be read of a file: what comes before its damage is taken, and says enough."""
    try:
        yield from blocks
    except SourceError:
        return


def _is_text(name: str) -> bool:
    return name.isprintable() and "\ufffd" not in name


def _is_binary(file: Path, kind: Kind) -> bool:
    with closing(read_blocks(file, kind)) as blocks:
        return b"\0" in next(blocks, b"")[:BEGINNING_BYTES]


def _frame(records: Records, reader: RecordReader, columns: Mapping[str, str]) -> pl.DataFrame:
    positions = {ours: reader.header.index(theirs) for ours, theirs in columns.items()}
    wanted = sorted(set(positions.values()))
    names = [f"column {position}" for position in range(len(reader.header))]
    content = "".join(records.whole).encode()
    whole = pl.DataFrame(schema=dict.fromkeys((names[each] for each in wanted), pl.String))
    if content:
        whole = pl.read_csv(
            content,
            has_header=False,
            separator=reader.separator,
            schema=dict.fromkeys(names, pl.String),
            columns=wanted,
        )
    frame = whole.with_columns(pl.Series("row", records.whole_rows, dtype=pl.Int64))
    if records.loose:
        fields = [[each[position] for position in wanted] for _, each in records.loose]
        loose = pl.DataFrame(fields, schema=whole.schema, orient="row")
        numbers = pl.Series("row", [row for row, _ in records.loose], dtype=pl.Int64)
        frame = pl.concat([frame, loose.with_columns(numbers)]).sort("row")
    return frame.select(
        "row",
        *(
            pl.col(names[positions[ours]]).alias(ours)
            if ours in positions
            else pl.lit(None, pl.String).alias(ours)
            for ours in COLUMNS
        ),
    )
