"""Measure how far posts have moved since the champion was trained, and tell when it is far."""

from datetime import datetime, timedelta

import duckdb
import polars as pl
from prefect.events import emit_event

from tasks.selected_posts import selected_posts
from tasks.step import run_logger, step, warehouse_of
from vkflow.modelling.bundles import Bundle, load_bundle
from vkflow.modelling.drift import GROWING, noise_bound, table_drift, usual_bounds
from vkflow.settings import Settings
from warehouse import experiments, features, models

NEWEST_DAYS = 7
MAX_POSTS = 20_000
"""Of each period: enough for tenths, and a warehouse of millions takes no longer."""
EVENT = "vkflow.drift.detected"
FEATURE, PREDICTION, WEEK = "feature", "prediction", "week"


@step("measure drift")
def measure_drift(settings: Settings, as_of: datetime) -> list[str]:
    """Compare the posts of the newest week with those the champion learnt from.

    Returns:
        Names of features and predictions whose stability index is above the threshold, above what
        chance alone does to so few posts, and far above that of past weeks; but for those that only
        grow with the warehouse.
    """
    newest = as_of - timedelta(days=NEWEST_DAYS)
    with warehouse_of(settings, as_of) as connection:
        champion = models.champion_version(connection, as_of)
        if champion is None:
            return []
        bundle = load_bundle(settings.models_directory, champion)
        trained_from, trained_to = (
            bundle.manifest.trained_on_from,
            bundle.manifest.trained_on_to,
        )
        if trained_from is None or trained_to is None:
            return []
        # The newest days are what is compared, and the bundle may have learnt from some of them.
        learnt = (trained_from, min(trained_to, newest))
        reference = _populations(connection, bundle, *learnt)
        current = _populations(connection, bundle, newest, as_of)
    if current is None or reference is None:
        run_logger().info("drift is not measured: %s", _lacking(champion, learnt, current))
        return []
    table = _compared(reference, current, settings.training.drift_threshold).with_columns(
        pl.lit(champion).alias("model_version"), pl.lit(as_of).alias("measured_at")
    )
    with warehouse_of(settings) as connection:
        experiments.write_drift(connection, table)
    return _tell(champion, table)


def _lacking(
    champion: str, learnt: tuple[datetime, datetime], current: dict[str, pl.DataFrame] | None
) -> str:
    """Which of the two periods that are compared has no posts."""
    if current is None:
        return f"no post was published in the last {NEWEST_DAYS} days"
    since, until = (f"{moment:%Y-%m-%d %H:%M}" for moment in learnt)
    return (
        f"{champion} has learnt from no post that was published before the last {NEWEST_DAYS} days "
        f"(between {since} and {until}), so that there is nothing to compare these with"
    )


def _compared(
    reference: dict[str, pl.DataFrame], current: dict[str, pl.DataFrame], threshold: float
) -> pl.DataFrame:
    """kind, name, stability_index, and the bound it stays below in an ordinary week."""
    least = max(threshold, noise_bound(len(reference[FEATURE]), len(current[FEATURE])))
    weeks = reference[WEEK]["week"]
    rows = []
    for kind in (FEATURE, PREDICTION):
        indices = table_drift(reference[kind], current[kind])
        usual = usual_bounds(reference[kind], weeks)
        rows += [(kind, name, index, max(least, usual[name])) for name, index in indices.items()]
    schema = {
        "kind": pl.String,
        "name": pl.String,
        "stability_index": pl.Float64,
        "bound": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _populations(
    connection: duckdb.DuckDBPyConnection, bundle: Bundle, since: datetime, until: datetime
) -> dict[str, pl.DataFrame] | None:
    """Features, probabilities and weeks of posts of [since, until]; ``None`` without any."""
    features.select_samples_between(connection, [(since, until)], MAX_POSTS)
    tables, predictions, weeks = [], [], []
    for chunk in selected_posts(connection, bundle.manifest):
        weeks.append(chunk.select(week=pl.col("published_at").dt.epoch("d") // 7))
        table = bundle.recipe.features.table(chunk)
        tables.append(table)
        predictions.append(pl.DataFrame(bundle.predict(chunk, table)))
    if not tables:
        return None
    return {
        FEATURE: pl.concat(tables),
        PREDICTION: pl.concat(predictions),
        WEEK: pl.concat(weeks),
    }


def _tell(champion: str, table: pl.DataFrame) -> list[str]:
    moved = table.filter(
        pl.col("stability_index") > pl.col("bound"), ~pl.col("name").is_in(GROWING)
    ).sort("stability_index", descending=True)
    names = [f"{row['kind']} {row['name']}" for row in moved.to_dicts()]
    if names:
        run_logger().warning(
            "drift since %s was trained, beyond what past weeks did: %s",
            champion,
            ", ".join(names[:8]),
        )
        emit_event(
            event=EVENT,
            resource={"prefect.resource.id": f"vkflow.model.{champion}"},
            payload={"moved": names},
        )
    return names
