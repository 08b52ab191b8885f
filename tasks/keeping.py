"""Keep drafts and what was forecast of them, to be judged once they are posts."""

import hashlib

import polars as pl

from tasks.draft_contents import as_posts
from tasks.run_log import logged_run
from tasks.step import warehouse_of
from vkflow.drafts.forecast_report import ForecastReport
from vkflow.settings import Settings
from warehouse.drafts import TIME, read_customs
from warehouse.kept_drafts import write_drafts

ID_DIGITS = 16
PREDICTIONS_SCHEMA = {
    "draft_id": pl.String,
    "activity": pl.String,
    "probability": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "usual_rate": pl.Float64,
    "model_version": pl.String,
    "predicted_by": pl.String,
}


def keep_drafts(settings: Settings, report: ForecastReport) -> int:
    """Store drafts with their forecasts; the same ones of the same moment are stored once.

    Returns:
        The number of drafts stored.

    Raises:
        WriterLockedError: another run, such as the night, is at work.
    """
    with logged_run(settings, "draft") as (_, counts):
        with warehouse_of(settings) as connection:
            customs = read_customs(connection, "none")
            drafts = as_posts(
                [forecast.draft for forecast in report.forecasts],
                customs,
                keeps_pictures=settings.images.tagger != "none",
            )
            rows = _draft_rows(drafts, report)
            kept = write_drafts(connection, rows, _predictions(rows["draft_id"], report))
        counts |= {"drafts": kept}
    return kept


def _draft_rows(posts: pl.DataFrame, report: ForecastReport) -> pl.DataFrame:
    moments = [forecast.as_of for forecast in report.forecasts]
    names = [forecast.draft.name for forecast in report.forecasts]
    rows = posts.rename({"published_at": "publish_at"}).with_columns(
        pl.Series("forecast_at", moments, dtype=TIME), pl.Series("name", names, dtype=pl.String)
    )
    keys = ("owner_id", "forecast_at", "publish_at", "text_hash", "image_hash", "is_ad")
    ids = [
        hashlib.sha256(repr(row).encode()).hexdigest()[:ID_DIGITS]
        for row in rows.select(keys).with_columns(pl.col("^.*_at$").dt.epoch("us")).iter_rows()
    ]
    return rows.drop("post_id").with_columns(pl.Series("draft_id", ids, dtype=pl.String))


def _predictions(ids: pl.Series, report: ForecastReport) -> pl.DataFrame:
    rows = [
        (
            draft_id,
            each.activity,
            each.probability,
            each.low,
            each.high,
            each.usual,
            forecast.model_version,
            each.predicted_by,
        )
        for draft_id, forecast in zip(ids, report.forecasts, strict=True)
        for each in forecast.activities
    ]
    return pl.DataFrame(rows, schema=PREDICTIONS_SCHEMA, orient="row")
