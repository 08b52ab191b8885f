"""Training all activities, beside the recipe of the first attempt on the same posts."""

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import polars as pl

from tests.benchmarks.measuring import Row, faster, timed
from tests.benchmarks.models import scratch
from tests.benchmarks.worlds import DIMENSIONS, UNTIL, write_world
from tests.fakes.hashed_words import HashedWords
from vkflow.modelling.splits import TEST
from vkflow.text.statistics import text_statistics

FOLDS = 5
LEAST = 1e-6


def rows(quick: bool) -> Iterator[Row]:
    """Seconds from labelled posts to models, and log loss per view on the newest posts."""
    from tasks.labelled_posts import labelled_posts
    from tasks.pictures import tag_pictures
    from tasks.pulling import pull_posts
    from tasks.texts import compute_text_statistics, embed_texts
    from vkflow.modelling.training import train
    from vkflow.settings import load_settings

    posts = 1_500 if quick else 10_000
    with scratch() as home, patch("tasks.texts.load_encoder", lambda _: HashedWords(DIMENSIONS)):
        write_world(home, posts)
        settings = load_settings(home=home)
        pull_posts.fn(settings, UNTIL)
        compute_text_statistics.fn(settings)
        embed_texts.fn(settings)
        tag_pictures.fn(settings)
        learnt = {}

        def ours() -> None:
            with labelled_posts(settings, UNTIL) as labelled:
                recipe, data = labelled.prepare(settings)
                learnt["ours"] = (data, train(data, recipe, settings.training, lambda _: None))

        seconds = timed(ours)
        with labelled_posts(settings, UNTIL) as labelled:
            table = pl.concat(list(labelled.read()))
            outcomes = labelled.outcomes
    data, trained = learnt["ours"]
    is_test = (data.keys["split"] == TEST).to_numpy()
    assert table["post_id"].equals(data.keys["post_id"]), "both must see the same posts"
    theirs: dict[str, np.ndarray] = {}
    activities = list(trained.predictions)
    peer = timed(lambda: theirs.update(_recipe(table, outcomes, activities, is_test)))
    work, against = f"train {len(activities)} activities on {posts:,} posts", "MultiRMSE, 5 folds"
    yield faster(work, seconds, against, peer, 3)
    test = table.select("owner_id", "post_id").filter(is_test)
    our_loss = _log_loss(outcomes, test, {n: trained.predictions[n][is_test] for n in activities})
    their_loss = _log_loss(outcomes, test, theirs)
    yield Row(work, our_loss, "log loss per view", against, their_loss, their_loss / our_loss, 1)


def _recipe(
    table: pl.DataFrame, outcomes: pl.DataFrame, activities: list[str], is_test: np.ndarray
) -> dict[str, np.ndarray]:
    """One model of all activities, its categories as numbers, the mean of five random folds.

    Kinder than it was: without the counts of the same post among the features, and with the rate
    itself as the target, not a ratio of logarithms.
    """
    from catboost import CatBoostRegressor, Pool
    from sklearn.model_selection import KFold

    keys = ["owner_id", "post_id"]
    rates = outcomes.with_columns(rate=pl.col("count") / pl.col("exposures")).pivot(
        "activity", index=keys, values="rate"
    )
    targets = table.select(keys).join(rates, on=keys, how="left", maintain_order="left")
    targets = targets.select(pl.col(activities).fill_nan(0).fill_null(0)).to_numpy()
    embeddings = np.stack(
        [np.zeros(DIMENSIONS) if v is None else np.asarray(v) for v in table["text_embedding"]]
    )
    counts = [name for name in text_statistics(pl.Series(["a"])).columns if name in table.columns]
    category = table["image_category"].fill_null("none").rank("dense").to_numpy()
    features = np.column_stack([table.select(counts).fill_null(0).to_numpy(), category, embeddings])
    learn = np.flatnonzero(~is_test)
    predicted = np.zeros((int(is_test.sum()), len(activities)))
    for fit, stop in KFold(FOLDS, shuffle=True, random_state=0).split(learn):
        model = CatBoostRegressor(
            loss_function="MultiRMSE", iterations=1_000, depth=5, learning_rate=0.2, l2_leaf_reg=9,
            early_stopping_rounds=5, random_seed=0, verbose=False, allow_writing_files=False,
        )  # fmt: skip
        model.fit(
            Pool(features[learn[fit]], targets[learn[fit]]),
            eval_set=Pool(features[learn[stop]], targets[learn[stop]]),
        )
        predicted += model.predict(features[is_test]) / FOLDS
    return dict(zip(activities, predicted.T, strict=True))


def _log_loss(
    outcomes: pl.DataFrame, test: pl.DataFrame, predictions: dict[str, np.ndarray]
) -> float:
    """Mean over the activities of the log loss per view on the test posts."""
    losses = []
    for activity, probabilities in predictions.items():
        of_activity = outcomes.filter(pl.col("activity") == activity, pl.col("exposures") > 0)
        rows = test.select("owner_id", "post_id").with_columns(p=pl.Series(probabilities))
        known = rows.join(of_activity, on=["owner_id", "post_id"])
        p = known["p"].clip(LEAST, 1 - LEAST).to_numpy()
        k, n = known["count"].to_numpy(), known["exposures"].to_numpy()
        losses.append(-(k * np.log(p) + (n - k) * np.log1p(-p)).sum() / n.sum())
    return float(np.mean(losses))
