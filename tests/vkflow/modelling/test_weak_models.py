"""Each activity is decided on by itself."""

from dataclasses import replace

import polars as pl

from tests.fakes.first_counts import first_counts_of
from tests.fakes.training import SETTINGS, Prepared, prepare_posts, table_of, train_silently
from vkflow.modelling.owner_rates import smoothed_rates
from vkflow.modelling.promotion import decide_promotion, drop_weak_models
from vkflow.modelling.training import Trained


def test_a_weak_model_costs_its_activity_alone(posts: pl.DataFrame, outcomes: pl.DataFrame) -> None:
    both = pl.concat([outcomes, outcomes.with_columns(activity=pl.lit("comment"))])
    recipe, data = prepared = prepare_posts(posts, both, first_counts_of(posts, outcomes))
    trained = train_silently(prepared)
    spoiled = {**trained.predictions, "like": trained.predictions["like"] ** 2}
    weak = replace(trained, predictions=spoiled)
    kept = drop_weak_models(weak, data, recipe.features.priors, SETTINGS)
    assert set(kept.models) == set(kept.predictions) == set(kept.judged) == {"comment"}
    assert "worse than the owner's rate on the test window, log loss +" in kept.skipped["like"]
    assert decide_promotion(table_of(prepared, kept), has_champion=True).promoted
    assert not decide_promotion(table_of(prepared, weak), has_champion=True).promoted


def test_no_model_is_dropped_that_is_no_worse_than_chance_allows(
    prepared: Prepared, trained: Trained
) -> None:
    recipe, data = prepared
    history = data.history
    rates = {a: smoothed_rates(history, a, recipe.features.priors[a]) for a in trained.models}
    close = replace(trained, predictions={a: rate * 1.001 for a, rate in rates.items()})
    for kept in (trained, close):
        assert drop_weak_models(kept, data, recipe.features.priors, SETTINGS) == kept
