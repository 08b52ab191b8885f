from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from vkflow.modelling.training_set import prepare
from vkflow.research.experiments import run_experiment
from vkflow.research.search import (
    TUNED,
    Trial,
    best_trial,
    search_parameters,
    side_by_side,
    with_parameters,
)
from vkflow.research.variants import PRODUCT, ExperimentSetup, judged_activities
from vkflow.settings.sections import TrainingSettings

SETTINGS = TrainingSettings(iterations=30, learning_rate=0.1, text_components=4, threads=2)


@pytest.fixture(scope="module")
def setup(
    posts: pl.DataFrame, outcomes: pl.DataFrame, first_counts: pl.DataFrame, texts: pl.Series
) -> ExperimentSetup:
    recipe, data = prepare(
        lambda: posts.iter_slices(400),
        outcomes,
        first_counts,
        ("cat", "dog"),
        SETTINGS,
        timedelta(hours=72),
    )
    return ExperimentSetup(
        data, recipe, SETTINGS, judged_activities(data, recipe.features.priors), texts
    )


def test_parameters_in_use_are_the_first_trial(setup: ExperimentSetup) -> None:
    seen: list[Trial] = []
    trials = search_parameters(setup, seconds=0.01, on_trial=seen.append)
    assert trials == seen and len(trials) == 1
    assert trials[0].parameters == pytest.approx(
        {"learning_rate": 0.1, "depth": 3, "l2_leaf_reg": 30, "feature_share": 0.3}
    )
    assert 0 < trials[0].gain < 1


def test_search_tries_different_parameters_until_the_time_is_over(setup: ExperimentSetup) -> None:
    trials = search_parameters(setup, seconds=3, on_trial=lambda trial: None)
    assert len({tuple(trial.parameters.values()) for trial in trials}) == len(trials) > 2
    assert best_trial(trials).gain == max(trial.gain for trial in trials) >= trials[0].gain
    assert len({trial.gain for trial in trials}) > 1


def test_same_seed_tries_the_same_parameters(setup: ExperimentSetup) -> None:
    first, second = (
        search_parameters(setup, seconds=1.5, on_trial=lambda trial: None) for _ in range(2)
    )
    n_both = min(len(first), len(second))
    assert [t.parameters for t in first[:n_both]] == [t.parameters for t in second[:n_both]]
    assert [t.gain for t in first[:n_both]] == [t.gain for t in second[:n_both]]


def test_found_parameters_are_judged_beside_those_in_use(setup: ExperimentSetup) -> None:
    results = run_experiment(
        setup,
        side_by_side({"depth": 1, "learning_rate": 0.01}),
        None,
        on_progress=lambda name: None,
    ).filter(activity="all")
    losses = dict(results.select("variant", "log_loss").iter_rows())
    assert set(losses) == {PRODUCT, TUNED}
    assert losses[PRODUCT] != losses[TUNED]
    assert np.isfinite(list(losses.values())).all()


def test_settings_keep_what_is_not_searched() -> None:
    tuned = with_parameters(SETTINGS, {"depth": 5})
    assert (tuned.depth, tuned.iterations) == (5, 30)
