from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from vkflow.errors import SourceError
from vkflow.modelling.splits import TEST
from vkflow.modelling.training_set import prepare
from vkflow.research.experiments import choose_variants, leaderboard_table, run_experiment
from vkflow.research.variants import ExperimentSetup, judged_activities
from vkflow.settings.sections import TrainingSettings

SETTINGS = TrainingSettings(iterations=20, learning_rate=0.1, text_components=4, threads=2)
GAP = timedelta(hours=72)
VARIANTS = [
    "global rate", "owner rate", "text", "product", "trees alone", "logistic regression",
    "TF-IDF and CatBoost", "TF-IDF and LightGBM",
]  # fmt: skip


@pytest.fixture(scope="module")
def without_pictures(
    posts: pl.DataFrame, outcomes: pl.DataFrame, first_counts: pl.DataFrame, texts: pl.Series
) -> ExperimentSetup:
    bare = posts.with_columns(
        pl.lit(False).alias("has_image"),
        *(
            pl.lit(None, posts.schema[name]).alias(name)
            for name in ("image_scores", "image_category", "text_image_similarity")
        ),
    )
    recipe, data = prepare(lambda: bare.iter_slices(400), outcomes, first_counts, (), SETTINGS, GAP)
    return ExperimentSetup(
        data, recipe, SETTINGS, judged_activities(data, recipe.features.priors), texts
    )


def test_variant_that_cannot_be_fitted_is_a_row_with_the_reason(
    without_pictures: ExperimentSetup,
) -> None:
    variants = choose_variants(["picture", "owner rate"])
    results = run_experiment(without_pictures, variants, None, on_progress=lambda name: None)
    board = leaderboard_table(results)
    assert board["variant"].to_list() == ["owner rate", "picture"]
    assert board["log_loss"][0] > 0 and board["log_loss"][1] is None
    assert board["reason"][0] is None
    assert "All features are either constant or ignored" in board["reason"][1]


def test_experiment_in_which_nothing_can_be_fitted_says_why(
    without_pictures: ExperimentSetup,
) -> None:
    with pytest.raises(SourceError, match="no variant can be fitted on these posts"):
        run_experiment(
            without_pictures, choose_variants(["picture"]), None, on_progress=lambda name: None
        )


def test_no_variant_has_learnt_from_the_window_it_is_judged_on(
    posts: pl.DataFrame, outcomes: pl.DataFrame, first_counts: pl.DataFrame, texts: pl.Series
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
        setup = ExperimentSetup(data, recipe, SETTINGS, ("like",), texts)
        predictions.append(
            {v.name: v.fit(setup)()["like"] for v in choose_variants(VARIANTS)} | {"": data}
        )
    rows = predictions[0][""].rows("like", TEST)
    for name in VARIANTS:
        before, after = (each[name][rows] for each in predictions)
        np.testing.assert_array_equal(before, after, err_msg=name)


@pytest.fixture(scope="module")
def setup(
    posts: pl.DataFrame, outcomes: pl.DataFrame, first_counts: pl.DataFrame, texts: pl.Series
) -> ExperimentSetup:
    recipe, data = prepare(
        lambda: posts.iter_slices(400), outcomes, first_counts, ("cat", "dog"), SETTINGS, GAP
    )
    return ExperimentSetup(data, recipe, SETTINGS, ("like",), texts)


def board_of(setup: ExperimentSetup, *names: str) -> dict[str, dict[str, float]]:
    results = run_experiment(setup, choose_variants(names), None, on_progress=lambda name: None)
    return {row["variant"]: row for row in leaderboard_table(results).to_dicts()}


def test_every_variant_is_compared_with_the_product_on_the_same_posts(
    setup: ExperimentSetup,
) -> None:
    board = board_of(setup, "global rate", "product")
    assert board["product"]["against_product"] == board["product"]["against_high"] == 0
    rate = board["global rate"]
    expected = rate["log_loss"] / board["product"]["log_loss"] - 1
    assert rate["against_product"] == pytest.approx(expected)
    assert 0 < rate["against_low"] < rate["against_product"] < rate["against_high"]


def test_without_the_product_there_is_nothing_to_compare_with(setup: ExperimentSetup) -> None:
    assert "against_product" not in board_of(setup, "global rate")["global rate"]


@pytest.mark.parametrize("name", ["TF-IDF and CatBoost", "TF-IDF and LightGBM"])
def test_text_baselines_learn_from_words(setup: ExperimentSetup, name: str) -> None:
    """Posts with a cat, whose texts have the word, get more likes in this world."""
    without = replace(setup, texts=setup.texts.str.replace("кот и", "без"))
    assert board_of(setup, name)[name]["log_loss"] < board_of(without, name)[name]["log_loss"]


def test_text_baselines_on_posts_without_a_word_are_rows_with_the_reason(
    setup: ExperimentSetup,
) -> None:
    silent = replace(setup, texts=pl.Series("text", [""] * len(setup.texts)))
    board = board_of(silent, "owner rate", "TF-IDF and CatBoost")
    assert "there are no words to learn from" in board["TF-IDF and CatBoost"]["reason"]


def test_trees_stop_where_the_validation_window_says(setup: ExperimentSetup) -> None:
    """Counts of the test window that are a tenth of what was learnt would stop them at once."""
    settings = SETTINGS.model_copy(update={"iterations": 150, "early_stopping_rounds": 5})
    in_test = setup.data.keys["split"] == TEST
    tenth = np.where(in_test, 0.1, 1.0) * setup.data.counts["like"]
    other = replace(setup.data, counts={**setup.data.counts, "like": tenth})
    (variant,) = choose_variants(["text"])
    before, after = (
        variant.fit(replace(setup, data=data, settings=settings))()["like"]
        for data in (setup.data, other)
    )
    np.testing.assert_array_equal(before, after)
