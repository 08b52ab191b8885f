"""Reading what is published, some rows at a time, to write it elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from warehouse.publishing import open_snapshot

WIDE, LONG, OWNERS = "predictions_wide", "latest_predictions", "owners"
ORDERS = {WIDE: "owner_id, post_id", LONG: "owner_id, post_id, activity", OWNERS: "owner_id"}


def published_rows(snapshot: Path, view: str, batch_rows: int) -> Iterator[pl.DataFrame]:
    """Rows of ``WIDE``, ``LONG`` or ``OWNERS`` as they are published, in the order of their keys.

    The first frame comes even without rows, for its columns.

    Raises:
        WarehouseError: nothing has been published yet, or the file is damaged.
    """
    statement = f"FROM {view} ORDER BY {ORDERS[view]}"
    with open_snapshot(snapshot) as connection:
        reader = connection.execute(statement).to_arrow_reader(batch_rows)
        yield pl.DataFrame(reader.schema.empty_table())
        for batch in reader:
            yield pl.DataFrame(batch)
