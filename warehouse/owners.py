"""Who owns the posts, and how many members they have."""

from datetime import datetime

import duckdb
import polars as pl

from warehouse.schema import query
from warehouse.writing import registered, replace_rows


def write_owners(
    connection: duckdb.DuckDBPyConnection, owners: pl.DataFrame, *, seen_at: datetime
) -> int:
    """Store who owners are, in place of who they were; members are also kept over time.

    A name that is not told this time stays as it was.

    Args:
        connection: the open warehouse, inside a transaction.
        owners: owner_id, name, screen_name, members, address.
        seen_at: the moment of this run.

    Returns:
        The number of owners written.
    """
    if owners.is_empty():
        return 0
    known = read_owners(connection).select("owner_id", pl.col("name").alias("known_name"))
    stamped = (
        owners.join(known, on="owner_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("name", "known_name"), pl.lit(seen_at).alias("seen_at"))
        .drop("known_name")
    )
    with registered(connection, "incoming", stamped):
        connection.execute(query("new_owner_members"))
    return replace_rows(connection, "owners", stamped, ("owner_id",))


def read_owners(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """All that is known of owners: owner_id, name, screen_name, members, address, seen_at."""
    return connection.execute("FROM owners ORDER BY owner_id").pl()
