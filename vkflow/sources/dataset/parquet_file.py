"""A Parquet file, read some rows at a time."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from vkflow.errors import SourceError
from vkflow.sources.columns import COLUMNS, MESSAGE_CHARACTERS, find_columns
from vkflow.sources.dataset.csv_file import RawRows

CHUNK_BYTES = 2**25
BUFFER_BYTES = 2**20


def read_parquet(
    file: Path, mapping: Mapping[str, str], required: Sequence[str], chunk_rows: int
) -> Iterator[RawRows]:
    """Rows of a Parquet file.

    Arrow reads a row group page by page; Polars would hold all of it, and a file of pictures
    may be a single row group.

    Args:
        file: columns of any type that has a meaning as text; pictures base64 or bytes.
        mapping: names of its columns by ours, where they differ.
        required: columns that must be there.
        chunk_rows: most rows at a time.

    Raises:
        SourceError: it is no such file, or lacks a column.
    """
    try:
        with pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False) as opened:
            columns = find_columns(opened.schema_arrow.names, mapping, required, str(file))
            first_row = 1
            wanted = sorted(set(columns.values()))
            rows = _rows_at_a_time(opened, chunk_rows)
            for batch in opened.iter_batches(batch_size=rows, columns=wanted):
                frame = pl.DataFrame(batch)
                yield RawRows(_as_text(frame, columns).with_row_index("row", first_row))
                first_row += len(frame)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError) as error:
        first_line = str(error).partition("\n")[0][:MESSAGE_CHARACTERS]
        raise SourceError(f"{file} is neither CSV nor Parquet: {first_line}") from None


def _rows_at_a_time(file: pq.ParquetFile, chunk_rows: int) -> int:
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    row_bytes = sum(group.total_byte_size for group in groups) / max(file.metadata.num_rows, 1)
    return max(1, min(chunk_rows, int(CHUNK_BYTES / max(row_bytes, 1))))


def _as_text(frame: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    return frame.select(
        _text(frame, columns[ours]).alias(ours)
        if ours in columns
        else pl.lit(None, pl.String).alias(ours)
        for ours in COLUMNS
    )


def _text(frame: pl.DataFrame, name: str) -> pl.Expr:
    if frame.schema[name] == pl.Binary:
        return pl.col(name).bin.encode("base64")
    return pl.col(name).cast(pl.String)
