"""Judge a bundle on the test window. The only place that reads the truth of sample posts."""

import polars as pl

from vkflow.modelling.evaluation import judge, metrics_table
from vkflow.modelling.features import FeatureRecipe
from vkflow.modelling.training import TrainedActivities, TrainingSet
from vkflow.sample.truth import read_oracle
from vkflow.settings import Settings


def judge_bundle(
    settings: Settings, data: TrainingSet, recipe: FeatureRecipe, trained: TrainedActivities
) -> pl.DataFrame:
    """Rows of ``model_metrics``; on sample posts with the share of the attainable gain."""
    oracle = read_oracle(settings.sample_directory) if settings.source == "sample" else None
    judged = judge(data, recipe.priors, trained, oracle)
    return metrics_table(
        judged, samples=settings.training.bootstrap_samples, seed=settings.training.seed
    )
