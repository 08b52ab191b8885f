"""How much counts of an age still grow, from the warehouse's own repeated snapshots."""

from datetime import datetime, timedelta

import polars as pl

from tasks.step import run_logger, step, warehouse_of
from vkflow.modelling.growth import STATED_AGE_DAYS, STEPS_PER_DOUBLING, TYPICAL_COUNT, fit_growth
from vkflow.settings import Settings
from warehouse.growth import BEFORE_ALL, PAIRS_SCHEMA, read_growth_pairs, write_growth

WATCHED = timedelta(days=400)
"""How long ago a snapshot may have been read to tell of growth: posts change their ways."""


@step("estimate growth")
def estimate_growth(settings: Settings, as_of: datetime) -> bool:
    """Estimate it anew, as of a moment; returns whether anything has changed.

    What is believed beforehand is stored, too, for moments before the first estimate.
    """
    nothing = pl.DataFrame(schema=PAIRS_SCHEMA)
    with warehouse_of(settings) as connection:
        pairs = read_growth_pairs(
            connection,
            since=as_of - WATCHED,
            until=as_of,
            steps_per_doubling=STEPS_PER_DOUBLING,
            typical_count=TYPICAL_COUNT,
        )
        is_first = write_growth(connection, fit_growth(nothing), estimated_at=BEFORE_ALL)
        factors = fit_growth(pairs)
        is_new = write_growth(connection, factors, estimated_at=as_of)
    if is_new:
        at_maturity = factors.filter(pl.col("age_hours") <= settings.label_maturity_hours).row(
            -1, named=True
        )
        run_logger().info(
            "from %d hours to %d days views grow by %.0f %%, likes by %.0f %%",
            settings.label_maturity_hours,
            STATED_AGE_DAYS,
            100 * (at_maturity["views_growth"] - 1),
            100 * (at_maturity["likes_growth"] - 1),
        )
    return is_first or is_new
