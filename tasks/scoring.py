"""Score the posts of the window with the champion; without one, with the rates of their owners."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
import numpy as np
import polars as pl

from tasks.labelled_posts import advice_on_age, select_training_window
from tasks.selected_posts import Inputs, read_inputs, selected_posts
from tasks.step import run_logger, step, warehouse_of
from tasks.working import Work, work_off
from vkflow.engines.workers.scores import ScoreWorker, recruit_score_worker
from vkflow.modelling.bundles import Manifest, load_bundle
from vkflow.modelling.metrics import SMALLEST
from vkflow.modelling.owner_rates import RatePrior, fit_priors, smoothed_rates
from vkflow.modelling.training_set import align_outcomes
from vkflow.settings import Settings
from warehouse import constants, features, models, predictions
from warehouse.database import transaction


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
            return _score_by_rates(connection, settings, as_of, run_id)
        if not _select(connection, settings, champion, as_of):
            message = "every post is scored already"
            run_logger().info(message)
            return Scored(champion, 0, 0, message)
        encoder_id = constants.read_constant(connection, "encoder_id")
    return _score_by_champion(settings, champion, as_of, run_id, encoder_id)


def _score_by_champion(
    settings: Settings, champion: str, as_of: datetime, run_id: str, encoder_id: str | None
) -> Scored:
    bundle = load_bundle(settings.models_directory, champion)
    _warn_about_encoder(encoder_id, bundle.manifest)
    rows = 0

    def export() -> Iterator[pl.DataFrame]:
        with warehouse_of(settings, as_of) as connection:
            _select(connection, settings, champion, as_of)
            size = settings.scoring.chunk_posts
            for chunk in selected_posts(connection, bundle.manifest, size):
                yield chunk.with_columns(
                    pl.lit(as_of).dt.cast_time_unit("us").alias("scored_at"),
                    pl.lit(run_id).alias("run_id"),
                )

    def store(connection: duckdb.DuckDBPyConnection, table: pl.DataFrame) -> None:
        nonlocal rows
        rows += predictions.write_predictions(connection, table)

    posts = work_off(
        settings,
        Work(
            step="score posts",
            subject=champion,
            doing="posts scored",
            keys=("owner_id", "post_id"),
            export=export,
            here=ScoreWorker(bundle),
            recruit=recruit_score_worker(settings.models_directory, champion),
            store=store,
            wants_gpu=False,
        ),
    )
    message = f"{posts} posts scored with {champion}"
    run_logger().info(message)
    return Scored(champion, posts, rows, message)


def _select(
    connection: duckdb.DuckDBPyConnection, settings: Settings, version: str, as_of: datetime
) -> int:
    """Select the posts of the window that this bundle has not scored; returns their number."""
    since = as_of - timedelta(days=settings.scoring.window_days)
    return features.select_unscored_posts(
        connection, version, since, as_of, rescore_known=settings.scoring.rescore_known
    )


def _score_by_rates(
    connection: duckdb.DuckDBPyConnection, settings: Settings, as_of: datetime, run_id: str
) -> Scored:
    """Without a champion a post gets its owner's smoothed rate, or the rate of all posts."""
    inputs = read_inputs(connection)
    select_training_window(connection, settings, as_of)
    priors = _priors(connection, inputs)
    if not priors:
        message = "there is no champion, and no post with a label whose rate could be predicted"
        message += advice_on_age(connection, settings, as_of)
        run_logger().warning(message)
        return Scored(None, 0, 0, message)
    version = f"rates-{as_of:%Y%m%d}"
    total = _select(connection, settings, version, as_of)
    rows = 0
    for chunk in selected_posts(connection, inputs, settings.scoring.chunk_posts):
        table = rates_table(chunk, priors).with_columns(
            pl.lit(version).alias("model_version"),
            pl.lit(as_of).dt.cast_time_unit("us").alias("scored_at"),
            pl.lit(run_id).alias("run_id"),
        )
        with transaction(connection):
            rows += predictions.write_predictions(connection, table)
    message = f"there is no champion yet: {total} posts got the rates of their owners ({version})"
    run_logger().warning(message)
    return Scored(version, total, rows, message)


def _priors(connection: duckdb.DuckDBPyConnection, inputs: Inputs) -> dict[str, RatePrior]:
    """What is believed of owners by the selected posts, by activity; nothing if there are none."""
    outcomes = features.read_selected_outcomes(connection)
    chunks = [
        chunk.select("owner_id", "post_id", pl.col("^history_.*$"))
        for chunk in selected_posts(connection, inputs)
    ]
    if not chunks:
        return {}
    posts = pl.concat(chunks)
    counts, exposures = align_outcomes(posts, outcomes)
    return fit_priors(posts, counts, exposures, np.full(len(posts), True))


def rates_table(posts: pl.DataFrame, priors: Mapping[str, RatePrior]) -> pl.DataFrame:
    """Owner rates of posts, one row per post and activity.

    Args:
        posts: rows of ``warehouse.features.selected_features``.
        priors: by activity.

    Returns:
        owner_id, post_id, activity, probability, predicted_by: ``owner rate``, or ``global rate``
        where nothing is known of the owner.
    """
    keys = posts.select("owner_id", "post_id")
    return pl.concat(
        keys.with_columns(
            pl.lit(activity).alias("activity"),
            pl.Series(
                "probability", smoothed_rates(posts, activity, prior).clip(SMALLEST, 1 - SMALLEST)
            ),
            posts.select(
                pl.when(pl.col(f"history_{activity}_exposures") > 0)
                .then(pl.lit("owner rate"))
                .otherwise(pl.lit("global rate"))
                .alias("predicted_by")
            )["predicted_by"],
        )
        for activity, prior in priors.items()
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
