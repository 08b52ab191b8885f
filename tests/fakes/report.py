"""A report about nothing, to put frames into."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from vkflow.activities import ACTIVITY_NAMES
from vkflow.insights.report.data import ReportData
from vkflow.storage import Storage

AS_OF = datetime(2026, 11, 2, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
SCHEMAS = {
    "nights": {"night": TIME, "status": pl.String, "seconds": pl.Float64, "counts": pl.String},
    "arrivals": {"day": pl.Date, "posts": pl.Int64},
    "refused": {"source": pl.String, "reason": pl.String, "rows": pl.Int64},
    "tonight": {
        "owner_id": pl.Int64, "post_id": pl.Int64, "published_at": TIME, "text": pl.String,
        "image_hash": pl.String, "source": pl.String, "activity": pl.String,
        "probability": pl.Float64, "usual_rate": pl.Float64, "promise_rank": pl.Int64,
        "risk_rank": pl.Int64,
    },
    "posts": {
        "owner_id": pl.Int64, "post_id": pl.Int64, "published_at": TIME, "source": pl.String,
        "text": pl.String, "image_hash": pl.String, "category": pl.String, "score": pl.Float64,
        "characters": pl.Int64, "views": pl.Int64, "reach": pl.Int64,
        **dict.fromkeys(ACTIVITY_NAMES, pl.Int64),
    },
    "metrics": {
        "activity": pl.String, "split": pl.String, "metric": pl.String, "value": pl.Float64,
        "low": pl.Float64, "high": pl.Float64,
    },
    "gain_by_night": {
        "created_at": TIME, "model_version": pl.String, "activity": pl.String,
        "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    },
    "contributions": {"activity": pl.String, "group": pl.String, "effect": pl.Float64},
    "leaderboard": {
        "variant": pl.String, "log_loss": pl.Float64, "gain_over_global": pl.Float64,
        "gain_over_owner": pl.Float64, "low": pl.Float64, "high": pl.Float64,
        "oracle_share": pl.Float64, "fit_seconds": pl.Float64,
    },
    "forecasts": {
        "owner_id": pl.Int64, "post_id": pl.Int64, "activity": pl.String,
        "probability": pl.Float64, "rate": pl.Float64, "exposures": pl.Int64, "count": pl.Int64,
        "observed_at": TIME,
    },
    "cards": {
        "owner_id": pl.Int64, "post_id": pl.Int64, "published_at": TIME, "text": pl.String,
        "image_hash": pl.String, "source": pl.String,
    },
    "drift": {
        "kind": pl.String,
        "name": pl.String,
        "stability_index": pl.Float64,
        "bound": pl.Float64,
    },
    "before": {}, "now": {}, "insights": {},
}  # fmt: skip


def frame(name: str, rows: list[dict] | None = None) -> pl.DataFrame:
    return pl.DataFrame(rows or [], schema=SCHEMAS[name])


def empty_report(folder: Path) -> ReportData:
    """Nothing at all is known; there are no pictures in the folder."""
    return ReportData(
        as_of=AS_OF,
        time_zone="Europe/Moscow",
        window_days=180,
        category_labels={},
        media=Storage(str(folder), "images.media"),
        model_version=None,
        skipped={},
        **{name: frame(name) for name in SCHEMAS},
    )
