"""What the table would have said on past nights, judged by what happened since."""

from datetime import datetime, timedelta

import polars as pl

from tasks.judging import oracle_of
from tasks.labelled_posts import count_labelled_posts, labelled_posts
from tasks.step import run_logger, step, warehouse_of
from vkflow.modelling.evaluation import summarise_judged
from vkflow.modelling.judging import judge_posts
from vkflow.modelling.prediction import predict_posts
from vkflow.modelling.promotion import drop_weak_models
from vkflow.modelling.training import train
from vkflow.settings import Settings
from warehouse import experiments


@step("backtest night")
def backtest_night(
    settings: Settings, backtest_id: str, night: datetime, as_of: datetime, days: int
) -> int:
    """Train as it would have been done on ``night``, score the days after, judge by ``as_of``.

    Args:
        settings: parameters of training.
        backtest_id: what the results are stored under.
        night: the moment the model is trained at; it sees no label known later. Posts of a first
            crawl count as known from publication + maturity, with the counts of that crawl.
        as_of: the moment the outcomes are read at.
        days: posts published in so many days after the night are scored.

    Returns:
        The number of posts judged.
    """
    log = run_logger()
    if count_labelled_posts(settings, night) < settings.training.min_posts:
        log.warning("%s: too few labelled posts to train", night.date())
        return 0
    with labelled_posts(settings, night) as posts:
        recipe, data = posts.prepare(settings)
        trained = train(data, recipe, settings.training, lambda _activity: None)
        trained = drop_weak_models(trained, data, recipe.features.priors, settings.training)
    # What was known of a post at its publication is the same whenever it is asked for.
    scored = (night, night + timedelta(days=days))
    with labelled_posts(settings, as_of, published=scored) as later:
        chunks = list(later.read())
    if not chunks:
        log.warning("%s: no post of the days after has a label yet", night.date())
        return 0
    judged = judge_posts(
        pl.concat(chunks),
        later.outcomes,
        recipe.features.priors,
        predict_posts(recipe, trained.models, pl.concat(chunks)),
        oracle_of(settings),
    )
    results = summarise_judged(judged, settings.training).with_columns(
        pl.lit(backtest_id).alias("backtest_id"),
        pl.lit(as_of).alias("created_at"),
        pl.lit(night).alias("night"),
    )
    with warehouse_of(settings) as connection:
        experiments.write_backtest(connection, results)
    overall = results.filter(activity="all").row(0, named=True)
    log.info(
        "%s: %d posts, %+.1f %% over the owner rate",
        night.date(),
        overall["posts"],
        100 * overall["gain_over_owner"],
    )
    return int(overall["posts"])
