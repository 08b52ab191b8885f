"""Score the posts of the window with the champion."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from tasks.progress import progress
from tasks.selected_posts import selected_posts
from tasks.step import run_logger, step, warehouse_of
from vkflow.modelling.bundles import Bundle, Manifest, load_bundle
from vkflow.settings import Settings
from warehouse import constants, features, models, predictions


@dataclass(frozen=True)
class Scored:
    """What the step did."""

    model_version: str | None = None
    posts: int = 0
    rows: int = 0
    message: str = ""


@step("score posts")
def score_posts(settings: Settings, as_of: datetime, run_id: str) -> Scored:
    """Predict every post of the window the champion has not scored; rerunning adds nothing."""
    with warehouse_of(settings, as_of) as connection:
        champion = models.champion_version(connection, as_of)
        if champion is None:
            message = "there is no champion yet: no bundle was promoted, nothing is scored"
            run_logger().warning(message)
            return Scored(None, 0, 0, message)
        since = as_of - timedelta(days=settings.scoring.window_days)
        total = features.select_unscored_posts(connection, champion, since, as_of)
        bundle = load_bundle(settings.models_directory, champion) if total else None
        rows = 0
        if bundle is not None:
            _warn_about_encoder(constants.read_constant(connection, "encoder_id"), bundle.manifest)
            with progress("posts scored", total) as advance:
                for chunk in selected_posts(
                    connection, bundle.manifest, settings.scoring.chunk_posts
                ):
                    table = prediction_table(bundle, chunk, as_of, run_id)
                    rows += predictions.write_predictions(connection, table)
                    advance(len(chunk))
    message = f"{total} posts scored with {champion}" if total else "every post is scored already"
    run_logger().info(message)
    return Scored(champion, total, rows, message)


def prediction_table(
    bundle: Bundle, posts: pl.DataFrame, scored_at: datetime, run_id: str
) -> pl.DataFrame:
    """Rows of ``predictions``: one per post and activity."""
    keys = posts.select("owner_id", "post_id")
    return pl.concat(
        keys.with_columns(
            pl.lit(activity).alias("activity"),
            pl.Series("probability", probabilities, dtype=pl.Float64),
            pl.lit(bundle.manifest.model_version).alias("model_version"),
            pl.lit(scored_at).dt.cast_time_unit("us").alias("scored_at"),
            pl.lit(run_id).alias("run_id"),
            pl.lit(bundle.predicted_by(activity)).alias("predicted_by"),
        )
        for activity, probabilities in bundle.predict(posts).items()
    )


def _warn_about_encoder(current: str | None, manifest: Manifest) -> None:
    """After a change of encoder new texts lack the vectors an older bundle reads."""
    if current != manifest.encoder_id:
        run_logger().warning(
            "texts are embedded with %s now, but the champion %s reads vectors of %s: it scores "
            "new posts without their text until a bundle of the new encoder is promoted",
            current,
            manifest.model_version,
            manifest.encoder_id,
        )
