"""Published posts whose texts, or pictures, are nearest to those of drafts, and what they got."""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.schema import query
from warehouse.vectors import Content
from warehouse.writing import registered


def read_similar_posts(
    connection: duckdb.DuckDBPyConnection,
    given: pl.DataFrame,
    content: Content,
    *,
    encoder_id: str,
    as_of: datetime,
    limit: int,
) -> pl.DataFrame:
    """The nearest posts of each draft's own wall and of all others, by the cosine of vectors.

    Every vector is compared; :file:`warehouse/README.md` says how fast.

    Args:
        connection: the open warehouse; outcomes are those known at its ``as_of``.
        given: number and owner_id of the drafts, post_id, null unless it is a post, and vector,
            list of float32; those without one, null, resemble nothing.
        content: what the vectors are of.
        encoder_id: whose vectors these are.
        as_of: posts that appeared later are not seen.
        limit: how many posts of the own wall, and as many of others.

    Returns:
        number, is_own, owner_id, owner_name, post_id, published_at, text, image_hash, cosine,
        rates (list of activity and rate at 30 days; null: not known yet), the nearest first.
    """
    statement = query("similar_posts").format(content=content)
    parameters = {"encoder_id": encoder_id, "as_of": as_of, "limit": limit}
    with registered(connection, "given", given.drop_nulls("vector")):
        return connection.execute(statement, parameters).pl()


def read_vectors_of_posts(
    connection: duckdb.DuckDBPyConnection, keys: pl.DataFrame, content: Content, encoder_id: str
) -> pl.DataFrame:
    """Posts as :func:`read_similar_posts` wants them; those without a vector are left out.

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
