"""A data set file: one row is a post with its counts, text and base64 picture."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl

from vkflow.activities import ACTIVITIES
from vkflow.errors import SourceError
from vkflow.images.decoding import decode_base64
from vkflow.sources.source import (
    PICTURES_SCHEMA,
    POSTS_SCHEMA,
    REJECTED_SCHEMA,
    SNAPSHOTS_SCHEMA,
    TIME,
    Chunk,
)

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
OPTIONAL = ("repost", "owner_id", "post_id", "published_at", "observed_at", "is_ad")
COUNTS = {"view": "views", **{a.dataset_column: a.count_column for a in ACTIVITIES}}
WHOLE_NUMBERS = (*COUNTS, "owner_id", "post_id")
POST_KEY = ("owner_id", "post_id")
TRUE, FALSE = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")
PAYLOAD_CHARACTERS = 500
MESSAGE_CHARACTERS = 200
PARQUET_MAGIC = b"PAR1"


class DatasetSource:
    """Reads a CSV (also gzipped) or Parquet file in chunks."""

    name = "dataset"

    def __init__(self, path: Path, chunk_rows: int = 5_000) -> None:
        self._path = path
        self._chunk_rows = chunk_rows

    def fetch(self, since: str | None, as_of: datetime) -> Iterator[Chunk]:
        """All rows of the file; what is stored already stays as it is."""
        rows = self._scan()
        occurrences: Counter[bytes] = Counter()
        first_row = 1
        try:
            for raw in rows.collect_batches(chunk_size=self._chunk_rows, maintain_order=True):
                yield _chunk(raw.with_row_index("row", first_row), occurrences)
                first_row += len(raw)
        except pl.exceptions.PolarsError as error:
            raise SourceError(f"{self._path} cannot be read: {_explained(error)}") from error
        if first_row == 1:
            raise SourceError(f"{self._path} has a header but no rows")

    def _scan(self) -> pl.LazyFrame:
        if not self._path.is_file():
            raise SourceError(f"there is no file {self._path}")
        try:
            rows = self._open()
            columns = rows.collect_schema().names()
        except pl.exceptions.NoDataError:
            raise SourceError(f"{self._path} is empty") from None
        except pl.exceptions.PolarsError as error:
            raise SourceError(
                f"{self._path} is neither CSV nor Parquet: {_explained(error)}"
            ) from error
        except OSError as error:
            raise SourceError(f"{self._path} cannot be opened: {error.strerror}") from error
        missing = [name for name in REQUIRED if name not in columns]
        if missing and not all(_is_text(name) for name in columns):
            raise SourceError(f"{self._path} is neither CSV nor Parquet: its first line is no text")
        if missing:
            present = _cut(", ".join(columns))
            raise SourceError(
                f"{self._path} lacks the columns {', '.join(missing)}; it has {present}"
            )
        absent = [name for name in OPTIONAL if name not in columns]
        return rows.with_columns(pl.lit(None, pl.String).alias(name) for name in absent).select(
            *REQUIRED, *OPTIONAL
        )

    def _open(self) -> pl.LazyFrame:
        with self._path.open("rb") as file:
            is_parquet = file.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
        if is_parquet or self._path.suffix == ".parquet":
            rows = pl.scan_parquet(self._path)
            return rows.with_columns(pl.all().cast(pl.String))
        return pl.scan_csv(self._path, infer_schema=False)


def _chunk(raw: pl.DataFrame, occurrences: Counter[bytes]) -> Chunk:
    """Type the columns; rows where that fails are rejected with the first reason.

    A file may repeat a post, once for each time it was observed: its last row describes it.
    """
    raw = raw.with_columns(pl.col("text", "photo").fill_null(""))
    raw = raw.with_columns(_content_ids(raw, occurrences))
    typed = raw.with_columns(
        *(_number(name).alias(name) for name in WHOLE_NUMBERS),
        *(_time(name).alias(name) for name in ("published_at", "observed_at")),
        _truth("is_ad").alias("is_ad"),
    )
    reasons = _untyped(raw, typed)
    typed = typed.with_columns(
        pl.col("owner_id").fill_null(0), pl.col("post_id").fill_null(pl.col("content_id"))
    )
    rejected = raw.select(
        typed.select(pl.format("{}_{}", *POST_KEY).alias("key")).to_series(),
        reasons,
        _payload(),
    ).filter(pl.col("reason").is_not_null())
    fine = typed.filter(reasons.is_null())
    posts = fine.unique(subset=list(POST_KEY), keep="last", maintain_order=True)
    counts = fine.rename(COUNTS).with_columns(pl.lit(None, pl.Int64).alias("reach"))
    known = pl.any_horizontal(pl.col(*COUNTS.values()).is_not_null())
    return Chunk(
        posts=posts.select(*POSTS_SCHEMA),
        snapshots=counts.filter(known).select(*SNAPSHOTS_SCHEMA),
        pictures=_pictures(posts),
        rejected=rejected.select(*REJECTED_SCHEMA),
    )


def _is_text(name: str) -> bool:
    return name.isprintable() and "\ufffd" not in name


def _explained(error: Exception) -> str:
    """What Polars found wrong, in a line, without its advice to programmers."""
    first_line = str(error).partition("\n")[0]
    if "utf-8" in first_line:
        return "it is not UTF-8; save it with that encoding"
    if "more fields" in first_line:
        return "a row has more fields than the header; a comma inside a text needs quotes"
    if first_line.startswith("could not parse"):
        return f"a quote is never closed, or stands inside a text undoubled: {_cut(first_line)}"
    return _cut(first_line)


def _cut(text: str) -> str:
    return text[:MESSAGE_CHARACTERS]


def _number(name: str) -> pl.Expr:
    """Whole numbers; also 12.0, as tools write a column in which some are missing."""
    return pl.col(name).str.strip_chars().str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)


def _time(name: str) -> pl.Expr:
    """ISO 8601 times; without a zone they are UTC."""
    text = pl.col(name).str.strip_chars().str.replace(" ", "T", literal=True)
    zoned = text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    plain = text.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00").str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False
    )
    return pl.coalesce(zoned, plain.dt.replace_time_zone("UTC")).cast(TIME)


def _truth(name: str) -> pl.Expr:
    value = pl.col(name).str.strip_chars().str.to_lowercase()
    return pl.when(value.is_in(TRUE)).then(True).when(value.is_in(FALSE)).then(False)


def _untyped(raw: pl.DataFrame, typed: pl.DataFrame) -> pl.Series:
    """What is wrong with each row: a value of the wrong type, or no value at all."""
    kinds = dict.fromkeys(WHOLE_NUMBERS, "a whole number")
    kinds |= {"published_at": "a time", "observed_at": "a time", "is_ad": "true or false"}
    problems = []
    for name, kind in kinds.items():
        given = raw[name].fill_null("").str.strip_chars()
        wrong = (given != "") & typed[name].is_null()
        problems.append(pl.when(pl.lit(wrong)).then(pl.lit(f"{name} is not {kind}")))
    empty = pl.all_horizontal(pl.all().exclude("row", "content_id").fill_null("") == "")
    problems.append(pl.when(empty).then(pl.lit("the row is empty")))
    return raw.select(pl.coalesce(*problems).alias("reason"))["reason"]


def _payload() -> pl.Expr:
    """The row as a person needs it to find it again, its text last, where it may be cut.

    The picture would only fill the table.
    """
    return (
        pl.struct(pl.all().exclude("photo", "content_id", "text"), pl.col("text"))
        .struct.json_encode()
        .str.slice(0, PAYLOAD_CHARACTERS)
        .alias("payload")
    )


def _content_ids(rows: pl.DataFrame, occurrences: Counter[bytes]) -> pl.Series:
    """A stable 63-bit number from text and picture; the n-th equal row gets the n-th number."""
    numbers = []
    for text, photo in rows.select("text", "photo").iter_rows():
        content = hashlib.blake2b(f"{text}\0{photo}".encode(), digest_size=16).digest()
        occurrence = occurrences[content]
        occurrences[content] += 1
        digest = hashlib.blake2b(content + occurrence.to_bytes(8), digest_size=8).digest()
        numbers.append(int.from_bytes(digest) >> 1)
    return pl.Series("content_id", numbers, dtype=pl.Int64)


def _pictures(rows: pl.DataFrame) -> pl.DataFrame:
    """Picture bytes; what is no base64 is kept as it came, for the decoder to name."""
    with_picture = rows.filter(pl.col("photo") != "")
    content = []
    for photo in with_picture["photo"]:
        decoded = decode_base64(photo)
        content.append(photo.encode() if decoded.error else decoded.content)
    frame = with_picture.select("owner_id", "post_id")
    return frame.with_columns(pl.Series("content", content, dtype=pl.Binary)).select(
        *PICTURES_SCHEMA
    )
