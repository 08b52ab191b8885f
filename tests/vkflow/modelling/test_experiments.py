from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from vkflow.errors import SourceError
from vkflow.modelling.experiments import choose_variants, leaderboard_table, run_experiment
from vkflow.modelling.splits import TEST
from vkflow.modelling.training_set import prepare
from vkflow.modelling.variants import Contest, judged_activities
from vkflow.sections import TrainingSettings

SETTINGS = TrainingSettings(iterations=20, learning_rate=0.1, text_components=4, threads=2)
GAP = timedelta(hours=72)
VARIANTS = ["global rate", "owner rate", "text", "product", "trees alone", "logistic regression"]


@pytest.fixture(scope="module")
def without_pictures(
    posts: pl.DataFrame, outcomes: pl.DataFrame, first_counts: pl.DataFrame
) -> Contest:
    bare = posts.with_columns(
        pl.lit(False).alias("has_image"),
        *(
            pl.lit(None, posts.schema[name]).alias(name)
            for name in ("image_scores", "image_category", "text_image_similarity")
        ),
    )
    recipe, data = prepare(lambda: bare.iter_slices(400), outcomes, first_counts, (), SETTINGS, GAP)
    return Contest(data, recipe, SETTINGS, judged_activities(data, recipe.features.priors))


def test_variant_that_cannot_be_fitted_is_a_row_with_the_reason(without_pictures: Contest) -> None:
    variants = choose_variants(["picture", "owner rate"])
    results = run_experiment(without_pictures, variants, None, on_progress=lambda name: None)
    board = leaderboard_table(results)
    assert board["variant"].to_list() == ["owner rate", "picture"]
    assert board["log_loss"][0] > 0 and board["log_loss"][1] is None
    assert board["reason"][0] is None
    assert "All features are either constant or ignored" in board["reason"][1]


def test_experiment_in_which_nothing_can_be_fitted_says_why(without_pictures: Contest) -> None:
    with pytest.raises(SourceError, match="no variant can be fitted on these posts"):
        run_experiment(
            without_pictures, choose_variants(["picture"]), None, on_progress=lambda name: None
        )


def test_no_variant_has_learnt_from_the_window_it_is_judged_on(
    posts: pl.DataFrame, outcomes: pl.DataFrame, first_counts: pl.DataFrame
) -> None:
    """Other outcomes of the test window change no prediction of it."""
    predictions = []
    for factor in (1, 3):
        in_test = pl.int_range(pl.len()) >= 0.85 * len(posts)
        changed = outcomes.with_columns(
            pl.when(in_test).then(pl.col("count") // factor).otherwise("count").alias("count")
        )
        recipe, data = prepare(
            lambda: posts.iter_slices(400), changed, first_counts, ("cat", "dog"), SETTINGS, GAP
        )
        contest = Contest(data, recipe, SETTINGS, ("like",))
        predictions.append(
            {v.name: v.fit(contest)()["like"] for v in choose_variants(VARIANTS)} | {"": data}
        )
    rows = predictions[0][""].rows("like", TEST)
    for name in VARIANTS:
        before, after = (each[name][rows] for each in predictions)
        np.testing.assert_array_equal(before, after, err_msg=name)
