"""What a model fails on, so that no night gives it the same thing again."""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.writing import replace_rows

PAYLOAD_CHARACTERS = 200


def quarantine_faults(
    connection: duckdb.DuckDBPyConnection, model: str, faulty: pl.DataFrame, now: datetime
) -> int:
    """Note what a model fails on; call it inside a transaction.

    Deleting a row lets the model try again; one of another encoder_id tries in any case.

    Args:
        connection: the open warehouse.
        model: ``text encoder``, ``picture tagger`` or ``text tower``.
        faulty: key (the hash of a text or a picture), encoder_id, reason, payload.
        now: the moment of this run.

    Returns:
        The number of rows.
    """
    rows = faulty.select(
        pl.format(f"{model} {{}}", "encoder_id").alias("source"),
        "key",
        "reason",
        pl.col("payload").str.slice(0, PAYLOAD_CHARACTERS),
        pl.lit(now).alias("seen_at"),
    )
    return replace_rows(connection, "quarantine", rows, ("source", "key"))
