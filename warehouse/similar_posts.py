"""What it takes to say which published posts drafts, or posts, resemble, and what these got."""

from collections.abc import Iterator
from datetime import datetime

import duckdb
import polars as pl

from warehouse.parts import in_parts
from warehouse.schema import query
from warehouse.vectors import Content
from warehouse.writing import registered

POSTS_AT_ONCE = 8_192


def count_posts(connection: duckdb.DuckDBPyConnection) -> int:
    """How many posts there are."""
    return int(connection.execute("SELECT count(*) FROM posts").fetchall()[0][0])


def read_vectors_of_published(
    connection: duckdb.DuckDBPyConnection,
    content: Content,
    *,
    encoder_id: str,
    dimensions: int,
    as_of: datetime,
) -> Iterator[pl.DataFrame]:
    """Vectors of all posts, as they were first seen, in pieces; to be read to the end.

    Args:
        connection: the open warehouse.
        content: what the vectors are of.
        encoder_id: whose vectors to read.
        dimensions: of a vector.
        as_of: posts that appeared later are not seen.

    Yields:
        owner_id, post_id, vector (list of float32).
    """
    statement = query("vectors_of_published").format(content=content)
    parameters = {"encoder_id": encoder_id, "dimensions": dimensions, "as_of": as_of}
    yield from in_parts(connection, statement, parameters, POSTS_AT_ONCE)


def read_vectors_of_posts(
    connection: duckdb.DuckDBPyConnection, keys: pl.DataFrame, content: Content, encoder_id: str
) -> pl.DataFrame:
    """The vectors of some posts; those without one are left out.

    Args:
        connection: the open warehouse.
        keys: owner_id, post_id.
        content: what the vectors are of.
        encoder_id: whose vectors to read.

    Returns:
        number (from 0), owner_id, post_id, vector.
    """
    statement = query("vectors_of_posts").format(content=content)
    with registered(connection, "keys", keys):
        return connection.execute(statement, {"encoder_id": encoder_id}).pl()


def read_told_posts(connection: duckdb.DuckDBPyConnection, listed: pl.DataFrame) -> pl.DataFrame:
    """What some posts said when they were first seen, and what they got.

    Args:
        connection: the open warehouse; outcomes are those known at its ``as_of``.
        listed: owner_id, post_id.

    Returns:
        owner_id, owner_name, post_id, published_at, text, image_hash, rates (list of activity and
        rate at 30 days; null: not known yet).
    """
    with registered(connection, "listed", listed.select("owner_id", "post_id")):
        return connection.execute(query("told_posts")).pl()
