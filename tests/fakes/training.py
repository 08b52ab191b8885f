"""Posts prepared for training, and trained on, fast."""

from datetime import timedelta

import polars as pl

from tests.fakes.first_counts import first_counts_of
from vkflow.modelling.evaluation import metrics_table
from vkflow.modelling.judging import judge
from vkflow.modelling.registry import load_metrics
from vkflow.modelling.training import Trained, train
from vkflow.modelling.training_set import Recipe, TrainingSet, prepare
from vkflow.settings.sections import TrainingSettings

SETTINGS = TrainingSettings(iterations=60, learning_rate=0.1, text_components=4, threads=2)
CATEGORIES = ("cat", "dog")
Prepared = tuple[Recipe, TrainingSet]


def prepare_posts(
    posts: pl.DataFrame, outcomes: pl.DataFrame, first_counts: pl.DataFrame | None = None
) -> Prepared:
    """A recipe and a training set, read in chunks; known first as ``first_counts_of`` has it."""
    if first_counts is None:
        first_counts = first_counts_of(posts, outcomes)
    return prepare(
        lambda: posts.iter_slices(400),
        outcomes,
        first_counts,
        CATEGORIES,
        SETTINGS,
        timedelta(hours=72),
    )


def train_silently(prepared: Prepared, settings: TrainingSettings = SETTINGS) -> Trained:
    """Train, and say nothing of it."""
    return train(prepared[1], prepared[0], settings, lambda activity: None)


def table_of(prepared: Prepared, trained: Trained, samples: int = 200) -> pl.DataFrame:
    """All metrics on the test window."""
    judged = judge(prepared[1], prepared[0].features.priors, trained.predictions, None)
    return metrics_table(judged, load_metrics(), samples=samples, seed=0)
