"""Drafts that are kept, and what was forecast of them: each once, however often it is kept."""

import duckdb
import polars as pl

from warehouse.database import transaction
from warehouse.writing import replace_rows


def write_drafts(
    connection: duckdb.DuckDBPyConnection, drafts: pl.DataFrame, predictions: pl.DataFrame
) -> int:
    """Store drafts and their forecasts, in place of those with the same ids.

    Args:
        connection: the open warehouse.
        drafts: the columns of the table ``drafts``.
        predictions: the columns of the table ``draft_predictions``.

    Returns:
        The number of drafts written.
    """
    with transaction(connection):
        replace_rows(connection, "draft_predictions", predictions, ("draft_id", "activity"))
        return replace_rows(connection, "drafts", drafts, ("draft_id",))
