"""What a model fails on, so that no night gives it the same thing again."""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.writing import replace_rows

PAYLOAD_CHARACTERS = 200


def quarantine_faults(
    connection: duckdb.DuckDBPyConnection,
    model: str,
    results: pl.DataFrame,
    key: str,
    now: datetime,
) -> int:
    """Note what a model fails on; call it inside a transaction.

    Deleting a row lets the model try again; one of another encoder_id tries in any case.

    Args:
        connection: the open warehouse.
        model: ``text encoder``, ``picture tagger`` or ``text tower``.
        results: of a worker: the key, encoder_id, fault (null where there is none), and text where
            texts are what it works on.
        key: the column of the hash of what it works on.
        now: the moment of this run.

    Returns:
        The number of rows.
    """
    text = pl.col("text") if "text" in results.columns else pl.lit(None, pl.String)
    rows = results.drop_nulls("fault").select(
        pl.format(f"{model} {{}}", "encoder_id").alias("source"),
        pl.col(key).alias("key"),
        pl.col("fault").alias("reason"),
        text.str.slice(0, PAYLOAD_CHARACTERS).alias("payload"),
        pl.lit(now).alias("seen_at"),
    )
    return replace_rows(connection, "quarantine", rows, ("source", "key"))
