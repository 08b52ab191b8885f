"""Compare variants on the labelled posts known by now."""

from datetime import datetime

import polars as pl

from tasks.judging import oracle_of
from tasks.labelled_posts import count_labelled_posts, labelled_posts
from tasks.progress import progress
from tasks.step import run_logger, step, warehouse_of
from vkflow.errors import SourceError
from vkflow.modelling.experiments import choose_variants, leaderboard_table, run_experiment
from vkflow.modelling.variants import Contest, judged_activities
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
    n_posts = count_labelled_posts(settings, as_of)
    if n_posts < settings.training.min_posts:
        raise SourceError(
            f"{n_posts} posts have a label, {settings.training.min_posts} are needed to compare "
            f"variants; pull more posts first"
        )
    with labelled_posts(settings, as_of) as posts, progress("variants", len(variants)) as advance:
        recipe, data = posts.prepare(settings)
        activities = judged_activities(data, recipe.features.priors)
        results = run_experiment(
            Contest(data, recipe, settings.training, activities),
            variants,
            oracle_of(settings),
            on_progress=lambda _name: advance(1),
        )
    experiment_id = f"{as_of:%Y%m%d-%H%M%S}"
    stamped = results.with_columns(
        pl.lit(experiment_id).alias("experiment_id"), pl.lit(as_of).alias("created_at")
    )
    with warehouse_of(settings) as connection:
        experiments.write_experiment(connection, stamped)
    best = leaderboard_table(results).row(0, named=True)["variant"]
    run_logger().info("%d variants compared on %d posts; first is %s", len(variants), n_posts, best)
    return experiment_id
