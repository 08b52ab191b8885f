"""Text statistics and vectors, by text hash: equal texts are worked on once."""

from collections.abc import Iterator
from itertools import pairwise

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.parts import in_parts
from warehouse.reading import first_row
from warehouse.schema import query
from warehouse.writing import add_missing_rows, replace_rows

HASH_DIGITS = 8
"""Of a hash, hexadecimal: enough to tell ranges apart."""


def texts_without_statistics(
    connection: duckdb.DuckDBPyConnection, version: int, rows: int
) -> Iterator[pl.DataFrame]:
    """Texts without statistics of ``version``, about ``rows`` at a time: text_hash, text.

    Statistics may be stored between two frames. Hashes are evenly spread, so a range of them holds
    as many texts as any other of its size, and nothing is read twice.
    """
    count = first_row(
        connection.execute(
            "SELECT count(DISTINCT text_hash) FROM first_contents ANTI JOIN "
            "(SELECT text_hash FROM text_statistics WHERE version = ?) USING (text_hash)",
            [version],
        )
    )
    ranges = -(-int(count[0]) // rows) if count else 0
    bounds = ["", *(f"{number * 16**HASH_DIGITS // ranges:0{HASH_DIGITS}x}"
                    for number in range(1, ranges)), None]  # fmt: skip
    for since, until in pairwise(bounds) if ranges else ():
        parameters = {"version": version, "since": since, "until": until}
        found = connection.execute(query("texts_without_statistics"), parameters).pl()
        if not found.is_empty():
            yield found


def write_text_statistics(connection: duckdb.DuckDBPyConnection, statistics: pl.DataFrame) -> int:
    """Store statistics: text_hash, version and the columns of ``text_statistics``."""
    with transaction(connection):
        return replace_rows(connection, "text_statistics", statistics, ("text_hash", "version"))


def texts_without_embedding(
    connection: duckdb.DuckDBPyConnection, encoder_id: str, rows: int
) -> Iterator[pl.DataFrame]:
    """Non-empty texts without a vector of ``encoder_id``, ``rows`` at a time, newest posts first.

    Texts on which this encoder failed are left out.
    """
    return in_parts(connection, query("texts_without_embedding"), {"encoder_id": encoder_id}, rows)


def write_text_embeddings(connection: duckdb.DuckDBPyConnection, embeddings: pl.DataFrame) -> int:
    """Add the vectors that are missing; call it inside a transaction.

    Args:
        connection: the open warehouse.
        embeddings: text_hash, encoder_id, embedding (list of float32), n_tokens, truncated.
    """
    return add_missing_rows(connection, "text_embeddings", embeddings, ("text_hash", "encoder_id"))
