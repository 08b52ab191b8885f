"""Counts as the warehouse knew them first."""

from datetime import timedelta

import polars as pl

from vkflow.activities import ACTIVITY_NAMES


def first_counts_of(posts: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Outcomes of likes as the warehouse tells what it knew first, three days after a post."""
    on = ["owner_id", "post_id"]
    counted = posts.select(*on, moment=pl.col("published_at") + timedelta(days=3)).join(
        outcomes.select(*on, like_count="count", like_exposures="exposures"), on=on
    )
    nothing = [
        pl.lit(0).alias(f"{activity}_{kind}")
        for activity in ACTIVITY_NAMES
        for kind in ("count", "exposures")
        if activity != "like"
    ]
    return counted.with_columns(nothing)
