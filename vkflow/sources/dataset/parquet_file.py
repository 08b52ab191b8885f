"""A Parquet file, read some rows at a time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vkflow.errors import SourceError
from vkflow.sources.columns import COLUMNS, MESSAGE_CHARACTERS, NOTHING, find_columns
from vkflow.sources.dataset.csv_file import RawRows
from vkflow.sources.dataset.records import LONGEST_RECORD, SHOWN_CHARACTERS, Damaged

CHUNK_BYTES = 2**25
BUFFER_BYTES = 2**20
PHOTO = "photo"
ROWS_SCHEMA = {"row": pl.Int64, **dict.fromkeys(COLUMNS, pl.String)}
CALENDAR = (-719_162, 2_932_896)
"""The years 1 to 9999 in days since 1970, the end excluded: Polars cannot write out others."""

MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1
UNITS_A_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def read_parquet(
    file: Path,
    mapping: Mapping[str, str],
    required: Sequence[str],
    chunk_rows: int,
    chunk_bytes: int,
    meant: Mapping[str, Sequence[str]] = NOTHING,
) -> Iterator[RawRows]:
    """Rows of a Parquet file.

    Arrow reads a row group page by page; Polars would hold all of it, and a file of pictures
    may be a single row group. Texts stay dictionaries until it is known how long their rows are:
    a small file may have the same long text thousands of times.

    Args:
        file: columns of any type that has a meaning as text; bytes are UTF-8, of pictures
            the picture itself.
        mapping: names of its columns by ours, where they differ.
        required: columns that must be there.
        chunk_rows: most rows at a time.
        chunk_bytes: of texts and pictures at a time, about.
        meant: see :func:`vkflow.sources.columns.find_columns`.

    Raises:
        SourceError: it is no such file, lacks a column, or has one of lists or the like.
    """
    chunk_bytes = min(chunk_bytes, CHUNK_BYTES)
    try:
        with pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False) as opened:
            schema = opened.schema_arrow
            columns = find_columns(
                schema.names, mapping, required, str(file), is_file=True, meant=meant
            )
            texts = _text_columns(file, schema, columns)
        with pq.ParquetFile(
            file, buffer_size=BUFFER_BYTES, pre_buffer=False, read_dictionary=texts
        ) as opened:
            first_row = 1
            wanted = sorted(set(columns.values()))
            rows = _rows_at_a_time(opened, chunk_rows, chunk_bytes)
            batches = opened.iter_batches(batch_size=rows, columns=wanted)
            for batch in _joined(batches, rows, chunk_bytes):
                yield from _parts(batch, columns, first_row, chunk_bytes)
                first_row += batch.num_rows
    except (
        pa.ArrowException,
        pl.exceptions.PolarsError,
        pl.exceptions.PanicException,
        UnicodeError,
        OSError,
    ) as error:
        first_line = str(error).partition("\n")[0][:MESSAGE_CHARACTERS]
        raise SourceError(f"{file} is neither CSV nor Parquet: {first_line}") from None


def _text_columns(file: Path, schema: pa.Schema, columns: Mapping[str, str]) -> list[str]:
    """Those of texts or bytes.

    Raises:
        SourceError: a column has values that have no meaning as text.
    """
    texts = []
    for ours, theirs in columns.items():
        kind = schema.field(theirs).type
        if pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind):
            raise SourceError(
                f"{file}: the column {theirs} has values of the type {kind}, which are no {ours}; "
                f"write it as text or numbers, one value a row"
            )
        if _has_bytes(kind):
            texts.append(theirs)
    return texts


def _has_bytes(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = (
        *(pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view),
        pa.types.is_fixed_size_binary,
    )
    return _is_text(kind) or any(is_such(kind) for is_such in tests)


def _rows_at_a_time(file: pq.ParquetFile, chunk_rows: int, chunk_bytes: int) -> int:
    groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
    row_bytes = sum(group.total_byte_size for group in groups) / max(file.metadata.num_rows, 1)
    return max(1, min(chunk_rows, int(chunk_bytes / max(row_bytes, 1))))


def _joined(
    batches: Iterator[pa.RecordBatch], chunk_rows: int, chunk_bytes: int
) -> Iterator[pa.RecordBatch]:
    """Batches of small row groups together: a file may have a group for each row."""
    waiting: list[pa.RecordBatch] = []
    n_rows = n_bytes = 0
    for batch in batches:
        waiting.append(batch)
        n_rows, n_bytes = n_rows + batch.num_rows, n_bytes + batch.nbytes
        if n_rows >= chunk_rows or n_bytes >= chunk_bytes:
            yield from _as_one(waiting)
            waiting, n_rows, n_bytes = [], 0, 0
    yield from _as_one(waiting)


def _as_one(batches: list[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if len(batches) < 2:
        yield from batches
    else:
        table = pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()
        yield from table.to_batches()


def _parts(
    batch: pa.RecordBatch, columns: Mapping[str, str], first_row: int, chunk_bytes: int
) -> Iterator[RawRows]:
    """The rows of a batch, some at a time; those longer than any post's are not written out."""
    numbers = pl.int_range(first_row, first_row + batch.num_rows, dtype=pl.Int64, eager=True)
    lengths = [_lengths(column) for column in batch.columns if _has_bytes(column.type)]
    total = pl.select(pl.sum_horizontal(*lengths, numbers * 0)).to_series()
    is_long = total > LONGEST_RECORD
    if is_long.any():
        damaged = (
            Damaged(row, "the row is longer than any post", "") for row in numbers.filter(is_long)
        )
        yield RawRows(pl.DataFrame(schema=ROWS_SCHEMA), tuple(damaged))
        batch = batch.filter((~is_long).to_arrow())
        numbers, total = numbers.filter(~is_long), total.filter(~is_long)
    start, size = 0, 0
    for end, row_bytes in enumerate(total):
        if size and size + row_bytes > chunk_bytes:
            yield _raw_rows(batch.slice(start, end - start), columns, numbers[start:end])
            start, size = end, 0
        size += row_bytes
    if start < batch.num_rows:
        yield _raw_rows(batch.slice(start), columns, numbers[start:])


def _lengths(column: pa.Array) -> pl.Series:
    """Bytes of each value."""
    if pa.types.is_dictionary(column.type):
        by_value = pc.binary_length(column.dictionary.cast(pa.large_binary()))
        lengths = pc.take(by_value, column.indices)
    else:
        lengths = pc.binary_length(_as_bytes(column))
    return pl.Series(pc.fill_null(lengths, 0).cast(pa.int64()))


def _as_bytes(column: pa.Array) -> pa.Array:
    """Whatever the type says, texts in a file may be no UTF-8: Polars would not survive them."""
    if pa.types.is_dictionary(column.type):
        return pc.take(column.dictionary.cast(pa.large_binary()), column.indices)
    return column.cast(pa.large_binary())


def _raw_rows(part: pa.RecordBatch, columns: Mapping[str, str], numbers: pl.Series) -> RawRows:
    """The rows as text; those with bytes that are none are set aside."""
    texts, damaged = {}, {}
    for ours, theirs in columns.items():
        texts[ours], is_bad = _texts(part.column(theirs), is_picture=ours == PHOTO)
        if is_bad is not None:
            damaged[theirs] = is_bad
    frame = pl.DataFrame({"row": numbers, **texts}).with_columns(
        pl.lit(None, pl.String).alias(ours) for ours in COLUMNS if ours not in texts
    )
    frame = frame.select("row", *COLUMNS)
    if not damaged:
        return RawRows(frame)
    reason = f"the row has bytes that are no UTF-8, in {', '.join(damaged)}"
    is_bad = pl.DataFrame(damaged).select(pl.any_horizontal(pl.all())).to_series()
    shown = frame.filter(is_bad).drop(PHOTO).rows(named=True)
    set_aside = [
        Damaged(row["row"], reason, json.dumps(row, ensure_ascii=False)[:SHOWN_CHARACTERS])
        for row in shown
    ]
    return RawRows(frame.filter(~is_bad), tuple(set_aside))


def _texts(column: pa.Array, *, is_picture: bool) -> tuple[pl.Series, pl.Series | None]:
    """A column as text, and which of its values are none; ``None``: all are."""
    if not _has_bytes(column.type):
        return _written_out(column), None
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    content = pl.Series(_as_bytes(column))
    if is_picture and not _is_text(kind):
        return content.bin.encode("base64"), None
    try:
        return content.cast(pl.String), None
    except pl.exceptions.ComputeError:
        texts = pl.Series([_decoded(value) for value in content], dtype=pl.String)
        return texts, content.is_not_null() & texts.is_null()


def _written_out(column: pa.Array) -> pl.Series:
    """Numbers and times as text; a time of no calendar stays the number it is stored as."""
    if pa.types.is_decimal256(column.type):  # Polars has no such numbers, and would panic
        return pl.Series(column.cast(pa.string()))
    a_day = _units_a_day(column.type)
    if a_day is None:
        return pl.Series(column).cast(pl.String)
    stored = column.cast(pa.int32() if pa.types.is_date32(column.type) else pa.int64())
    numbers = pl.Series(stored).cast(pl.Int64)
    # Nanoseconds of 64 bits reach from 1677 to 2262 only: all of them have a date.
    first, end = (min(max(day * a_day, MIN_INTEGER), MAX_INTEGER) for day in CALENDAR)
    has_date = numbers.is_between(first, end, closed="left")
    times = pl.Series(pc.if_else(has_date.to_arrow(), column, None)).cast(pl.String)
    return pl.select(pl.coalesce(times, numbers.cast(pl.String))).to_series()


def _units_a_day(kind: pa.DataType) -> int | None:
    if pa.types.is_date32(kind):
        return 1
    if pa.types.is_date64(kind):
        return 86_400_000
    return 86_400 * UNITS_A_SECOND[kind.unit] if pa.types.is_timestamp(kind) else None


def _is_text(kind: pa.DataType) -> bool:
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(is_such(kind) for is_such in tests)


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None
