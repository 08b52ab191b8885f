"""Files of posts, and what is read of them."""

import csv
import gzip
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from vkflow.sources.dataset.source import REQUIRED, DatasetSource
from vkflow.sources.source import (
    Chunk,
)

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4
NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
Row = dict[str, Any]


def row(**values: Any) -> Row:
    """A row of all required columns."""
    return dict.fromkeys(REQUIRED, 1) | {"view": 10, "text": "cat", "photo": ""} | values


def csv_bytes(rows: Iterable[Row]) -> bytes:
    """A CSV file with a header."""
    rows = list(rows)
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


HEADER = csv_bytes([row()]).splitlines(keepends=True)[0]


def read(path: Path, chunk_rows: int = 5_000) -> list[Chunk]:
    """What a file gives; downloads go beside it."""
    return list(
        DatasetSource(str(path), path.parent / "downloads", chunk_rows=chunk_rows).fetch(
            None, NIGHT
        )
    )


def only_chunk(path: Path) -> Chunk:
    """What a file gives that is one chunk."""
    (chunk,) = read(path)
    return chunk


def read_path(path: Path | str, **settings: Any) -> list[Chunk]:
    """What a file, folder or pattern gives."""
    return list(DatasetSource(str(path), Path("downloads"), **settings).fetch(None, NIGHT))


def texts(chunks: Iterable[Chunk]) -> list[str]:
    """Of all posts."""
    return [text for chunk in chunks for text in chunk.posts["text"]]


def write_some(folder: Path) -> None:
    """Three files of posts, and one that is none."""
    (folder / "2.csv").write_bytes(csv_bytes([row(text="two")]))
    (folder / "1.csv.gz").write_bytes(gzip.compress(csv_bytes([row(text="one")])))
    pl.DataFrame([row(text="three")]).write_parquet(folder / "3.parquet")
    (folder / "notes.txt").write_text("not posts")


def complaints(chunk: Chunk) -> list[tuple[str, str]]:
    """What was put aside, and why."""
    return chunk.rejected.select("key", "reason").rows()


def read_named(path: Path, **more: Any) -> list[Chunk]:
    """What a folder gives; downloads go into it."""
    source = DatasetSource(str(path), path / "downloads", **more)
    return list(source.fetch(None, NIGHT))


def rejections(chunks: list[Chunk]) -> dict[str, str]:
    """Why rows were put aside, by what they are called."""
    return {key: reason for chunk in chunks for key, reason, _ in chunk.rejected.rows()}
