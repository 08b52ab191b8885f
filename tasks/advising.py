"""Judge what authors' choices change, and store it as advice."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tasks.labelled_posts import LabelledPosts, labelled_posts
from tasks.step import run_logger, step, warehouse_of
from vkflow.insights.advice import LOWERS, MIN_POSTS, RAISES, advise
from vkflow.insights.confounders import study_posts
from vkflow.settings import Settings
from vkflow.threads import n_threads
from warehouse import insights, models


@dataclass(frozen=True)
class Advised:
    """What came of it: effects judged, those that are evident, labelled posts they rest on."""

    judged: int = 0
    evident: int = 0
    posts: int = 0


@step("advise authors")
def advise_authors(settings: Settings, as_of: datetime) -> Advised:
    """Estimate effects on the labels known at ``as_of``; without a champion or posts, say why not.

    Advice of the same moment is replaced, so that running it again changes nothing.
    """
    with warehouse_of(settings, as_of) as connection:
        champion = models.champion_version(connection, as_of)
    if champion is None:
        run_logger().info("no advice: there is no champion yet")
        return Advised()
    with labelled_posts(settings, as_of) as posts:
        n_posts = posts.outcomes.select("owner_id", "post_id").n_unique()
        if n_posts < 2 * MIN_POSTS:
            run_logger().info("no advice: %d labelled posts, %d needed", n_posts, 2 * MIN_POSTS)
            return Advised(posts=n_posts)
        found = _advise(settings, posts)
    with warehouse_of(settings) as connection:
        insights.write_insights(connection, found, as_of=as_of, model_version=champion)
    evident = found.filter(pl.col("verdict").is_in([RAISES, LOWERS]))
    run_logger().info("advice: %d of %d effects are evident", len(evident), len(found))
    return Advised(len(found), len(evident), n_posts)


def _advise(settings: Settings, posts: LabelledPosts) -> pl.DataFrame:
    training = settings.training
    studied = study_posts(
        posts.read, training.time_zone, training.owner_time_zones, min_posts=MIN_POSTS
    )
    threads = n_threads(training.threads)
    return advise(studied, posts.outcomes, seed=training.seed, threads=threads)
