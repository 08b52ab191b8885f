"""One trained model for all tests of models."""

import polars as pl
import pytest

from tests.fakes.training import CATEGORIES, Prepared, prepare_posts, train_silently
from vkflow.modelling.bundles import (
    Bundle,
    Fitted,
    Manifest,
    Prior,
)
from vkflow.modelling.judging import EvaluatedPosts, judge
from vkflow.modelling.spreads import Spread
from vkflow.modelling.training import Trained


@pytest.fixture(scope="session")
def prepared(posts: pl.DataFrame, outcomes: pl.DataFrame) -> Prepared:
    return prepare_posts(posts, outcomes)


@pytest.fixture(scope="session")
def trained(prepared: Prepared) -> Trained:
    return train_silently(prepared)


@pytest.fixture(scope="session")
def judged(prepared: Prepared, trained: Trained) -> dict[str, EvaluatedPosts]:
    return judge(prepared[1], prepared[0].features.priors, trained.predictions, None)


@pytest.fixture(scope="session")
def bundle(prepared: Prepared, trained: Trained) -> Bundle:
    recipe, data = prepared
    manifest = Manifest(
        model_version="20260401-abc",
        created_at="2026-04-01T00:00:00Z",
        fingerprint="abc",
        trained_on_from=None,
        trained_on_to=None,
        split_sizes=dict(data.keys["split"].value_counts().iter_rows()),
        encoder_id="e",
        tagger_id="t",
        taxonomy="x@1",
        statistics_version=1,
        categories=list(CATEGORIES),
        priors={
            n: Prior(rate=p.rate, strength=p.strength) for n, p in recipe.features.priors.items()
        },
        features=recipe.features.describe(),
        time_zone="Europe/Moscow",
        owner_time_zones={},
        trained={
            name: Fitted(
                intercept=model.calibration.intercept,
                slope=model.calibration.slope,
                variance=model.variance,
                penalty=model.penalty,
                owner_share=model.owner_share,
                n_trees=model.trees.tree_count_,
            )
            for name, model in trained.models.items()
        },
        skipped=dict(trained.skipped),
        spreads={
            "like": Spread(
                variance=0.1,
                below=1.0,
                above=2.0,
                typical_views=500.0,
                n_posts=100,
                owners={-1: 1.5},
            )
        },
        parameters={},
        versions={},
    )
    return Bundle(manifest, recipe, trained.models)
