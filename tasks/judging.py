"""Judge a bundle on the test window. The only place that reads the truth of sample posts."""

from collections.abc import Mapping

import polars as pl

from vkflow.modelling.evaluation import compare_losses, judge, metrics_table, slices_table
from vkflow.modelling.metrics import Floats
from vkflow.modelling.registry import load_metrics
from vkflow.modelling.training import Trained
from vkflow.modelling.training_set import Recipe, TrainingSet
from vkflow.sample.truth import read_oracle
from vkflow.settings import Settings

SLICE_SAMPLES = 100


def oracle_of(settings: Settings) -> pl.DataFrame | None:
    """The best possible predictions: owner_id, post_id, activity, oracle; of sample posts only."""
    return read_oracle(settings.sample_directory) if settings.source == "sample" else None


def judge_bundle(
    settings: Settings,
    data: TrainingSet,
    recipe: Recipe,
    trained: Trained,
    rival: Mapping[str, Floats],
) -> pl.DataFrame:
    """Rows of ``model_metrics``; on sample posts with the share of the attainable gain.

    Args:
        settings: which metrics, how many resamples, where sample posts are.
        data: the training set.
        recipe: its recipe.
        trained: the challenger.
        rival: the champion's predictions of all posts by activity; empty without a champion.
    """
    judged = judge(data, recipe.features.priors, trained.predictions, oracle_of(settings))
    samples, seed = settings.training.bootstrap_samples, settings.training.seed
    return pl.concat(
        [
            metrics_table(
                judged, load_metrics(settings.training.metrics), samples=samples, seed=seed
            ),
            slices_table(judged, data.features, samples=SLICE_SAMPLES, seed=seed),
            compare_losses(judged, rival, samples=samples, seed=seed),
        ]
    )
