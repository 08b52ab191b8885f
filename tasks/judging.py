"""Judge a bundle on the test window. The only place that reads the truth of sample posts."""

from collections.abc import Mapping

import polars as pl

from tasks.step import run_logger, warehouse_of
from vkflow.errors import SourceError
from vkflow.modelling.evaluation import compare_losses, metrics_table, slices_table
from vkflow.modelling.judging import judge
from vkflow.modelling.metrics import Floats
from vkflow.modelling.registry import load_metrics
from vkflow.modelling.training import Trained
from vkflow.modelling.training_set import Recipe, TrainingSet
from vkflow.sample.truth import read_oracle
from vkflow.settings import Settings
from vkflow.sources.sample import SampleSource
from warehouse import posts

SLICE_SAMPLES = 100


def oracle_of(settings: Settings) -> pl.DataFrame | None:
    """The best possible predictions: owner_id, post_id, activity, oracle; of sample posts only.

    Which posts these are the warehouse says: the setting may name another source by now. A sample
    whose files are gone has no truth any more.
    """
    with warehouse_of(settings) as connection:
        sampled = posts.keys_of_source(connection, SampleSource.name)
    if sampled.is_empty():
        return None
    try:
        oracle = read_oracle(settings.sample_directory)
    except SourceError as error:
        run_logger().warning("the share of the attainable gain is left out: %s", error)
        return None
    return oracle.join(sampled, on=sampled.columns, how="semi")


def judge_bundle(
    settings: Settings,
    data: TrainingSet,
    recipe: Recipe,
    trained: Trained,
    incumbents: Mapping[str, Mapping[str, Floats]],
) -> pl.DataFrame:
    """Rows of ``model_metrics``; on sample posts with the share of the attainable gain.

    Args:
        settings: which metrics, how many resamples, where sample posts are.
        data: the training set.
        recipe: its recipe.
        trained: the challenger.
        incumbents: predictions of all posts by activity, each shape (posts,), by the metric that
            tells how the challenger does against them.
    """
    judged = judge(data, recipe.features.priors, trained.predictions, oracle_of(settings))
    samples, seed = settings.training.bootstrap_samples, settings.training.seed
    return pl.concat(
        [
            metrics_table(
                judged, load_metrics(settings.training.metrics), samples=samples, seed=seed
            ),
            slices_table(judged, data.features, samples=SLICE_SAMPLES, seed=seed),
            *(
                compare_losses(judged, predictions, samples=samples, seed=seed, metric=metric)
                for metric, predictions in incumbents.items()
            ),
        ]
    )
