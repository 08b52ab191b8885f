"""Data sets to pull, and what a warehouse has of them."""

import base64
import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from PIL import Image

from vkflow.settings import Settings, load_settings

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)


NEXT_NIGHT = NIGHT + timedelta(days=1)


COLUMNS = (
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


REAL = (
    (10869, 185, 0, 2, 0, 1947, 14, 20),
    (9083, 227, 1, 7, 4, 958, 23, 2),
    (5352, 25, 5, 12, 598, 430, 114, 4),
    (4260, 539, 5, 3, 1, 138, 62, 24),
    (65138, 269, 14, 69, 2036, 172, 2390, 116),
)


TEXTS = (
    "Котики &#128571; &amp; пёсики<br>вторая строка",
    'с "кавычками", запятыми; и\nнастоящим\r\nпереносом',
    "",
    "🐈" * 100,
    "[club1|Клуб] https://vk.com/wall-1_2 #тег",
)


PICTURES_ON = "ViT-B-32:any"  # pulling stores pictures for any tagger and loads none


Row = dict[str, Any]


def jpeg(colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (256, 256), colour).save(file, "JPEG")
    return file.getvalue()


def as_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def row(counts: Sequence[object] = REAL[0], text: str = "cat", photo: str = "", **more: Any) -> Row:
    return dict(zip(COLUMNS, (*counts, text, photo), strict=True)) | more


UNKNOWN = ("",) * 8


GOOD = [
    row(counts, text, as_base64(jpeg()) if number == 0 else "")
    for number, (counts, text) in enumerate(zip(REAL, TEXTS, strict=True))
]


def write_csv(path: Path, rows: Iterable[Row]) -> Path:
    rows = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_parquet(path: Path, rows: Iterable[Row]) -> Path:
    frame = pl.DataFrame(list(rows)).with_columns(pl.col(pl.String).replace("", None))
    frame.write_parquet(path)
    return path


def dataset(home: Path, path: Path, tagger: str = "none", chunk_rows: int = 5_000) -> Settings:
    return load_settings(
        home=home,
        source="dataset",
        dataset={"path": path, "chunk_rows": chunk_rows},
        images={"tagger": tagger},
    )


@contextmanager
def reading(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def ask(home: Path, statement: str) -> list[tuple[Any, ...]]:
    with reading(home) as connection:
        return connection.execute(statement).fetchall()


def whole_warehouse(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    contents = ("posts", "earlier_contents", "sightings")
    tables = (*contents, "snapshots", "images", "quarantine", "watermarks")
    with reading(home) as connection:
        return {
            table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in tables
        }


def ids_by_text(home: Path) -> dict[str, int]:
    return dict(ask(home, "SELECT text, post_id FROM posts"))
