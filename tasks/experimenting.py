"""Compare variants on the labelled posts known by now."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import polars as pl

from tasks.judging import oracle_of
from tasks.labelled_posts import count_labelled_posts, labelled_posts
from tasks.progress import progress
from tasks.step import run_logger, step, warehouse_of
from vkflow.errors import SourceError
from vkflow.research.experiments import choose_variants, leaderboard_table, run_experiment
from vkflow.research.variants import ExperimentSetup, judged_activities
from vkflow.settings import Settings
from warehouse import experiments


@step("run experiment")
def compare_variants(settings: Settings, as_of: datetime, names: list[str]) -> str:
    """Fit and judge variants, store their results; returns the experiment's id.

    Args:
        settings: parameters of training.
        as_of: only labels known then are used.
        names: of variants; all of them for none.

    Raises:
        SettingsError: a name is unknown.
        SourceError: there are too few labelled posts.
    """
    variants = choose_variants(names)
    with experiment_setup(settings, as_of) as setup, progress("variants", len(variants)) as advance:
        results = run_experiment(
            setup,
            variants,
            oracle_of(settings),
            on_progress=lambda _name: advance(1),
        )
    experiment_id = f"{as_of:%Y%m%d-%H%M%S}"
    store_experiment(settings, experiment_id, as_of, results)
    best = leaderboard_table(results).row(0, named=True)["variant"]
    run_logger().info("%d variants compared; first is %s", len(variants), best)
    for name, reason in results.select("variant", "reason").drop_nulls().iter_rows():
        run_logger().warning("%s could not be fitted: %s", name, reason)
    return experiment_id


@contextmanager
def experiment_setup(settings: Settings, as_of: datetime) -> Iterator[ExperimentSetup]:
    """The posts and the split that everything compared with one another gets.

    Raises:
        SourceError: there are too few labelled posts.
    """
    n_posts = count_labelled_posts(settings, as_of)
    if n_posts < settings.training.min_posts:
        raise SourceError(
            f"{n_posts} posts have a label, {settings.training.min_posts} are needed to compare "
            f"models; pull more posts first"
        )
    with labelled_posts(settings, as_of, with_texts=True) as posts:
        recipe, data = posts.prepare(settings)
        activities = judged_activities(data, recipe.features.priors)
        run_logger().info("models are compared on %d posts", n_posts)
        yield ExperimentSetup(data, recipe, settings.training, activities, posts.texts(data.keys))


def store_experiment(
    settings: Settings, experiment_id: str, as_of: datetime, results: pl.DataFrame
) -> None:
    """Put the results of ``run_experiment`` on the leaderboard."""
    stamped = results.with_columns(
        pl.lit(experiment_id).alias("experiment_id"), pl.lit(as_of).alias("created_at")
    )
    with warehouse_of(settings) as connection:
        experiments.write_experiment(connection, stamped)
