"""Posts with contents of several versions: written night by night, and read back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from warehouse.contents import Written, write_posts

Add = Callable[..., None]
Rows = list[tuple[Any, ...]]
NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
PUBLISHED = NIGHT - timedelta(hours=6)
SCHEMA = {
    "owner_id": pl.Int64,
    "post_id": pl.Int64,
    "published_at": pl.Datetime("us", "UTC"),
    "text": pl.String,
    "text_hash": pl.String,
    "image_hash": pl.String,
    "is_ad": pl.Boolean,
}


def night(number: int) -> datetime:
    return NIGHT + timedelta(days=number)


def post(text: str, picture: str | None = None, is_ad: bool | None = False, number: int = 1):
    return (-1, number, PUBLISHED + timedelta(minutes=number), text, text, picture, is_ad)


def write(
    connection: duckdb.DuckDBPyConnection,
    seen_at: datetime,
    *posts: tuple[Any, ...],
    awaiting: tuple[int, ...] = (),
) -> Written:
    frame = pl.DataFrame(posts, schema=SCHEMA, orient="row")
    frame = frame.with_columns(awaits_picture=pl.col("post_id").is_in(awaiting))
    return write_posts(connection, frame, source="vk", seen_at=seen_at)


def now(connection: duckdb.DuckDBPyConnection) -> Rows:
    columns = "text, image_hash, is_ad, edited_at"
    return connection.execute(f"SELECT {columns} FROM posts ORDER BY post_id").fetchall()


def first(connection: duckdb.DuckDBPyConnection) -> Rows:
    columns = "text, image_hash, is_ad"
    return connection.execute(f"SELECT {columns} FROM first_contents ORDER BY post_id").fetchall()


def earlier(connection: duckdb.DuckDBPyConnection) -> Rows:
    columns = "text, image_hash, is_ad, seen_at"
    statement = f"SELECT {columns} FROM earlier_contents ORDER BY post_id, seen_at"
    return connection.execute(statement).fetchall()


def tell(
    connection: duckdb.DuckDBPyConnection, run: datetime, told: tuple[Any, ...], at: datetime
) -> Written:
    """Store a post that was seen at a moment of its own, as a file of several crawls tells it."""
    frame = pl.DataFrame([told], schema=SCHEMA, orient="row").with_columns(observed_at=pl.lit(at))
    return write_posts(connection, frame, source="vk", seen_at=run)
