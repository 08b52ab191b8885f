"""What is computed of posts before anything is learnt, and from which."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.fakes.training import Prepared, prepare_posts
from vkflow.modelling.arrays import pack_arrays, unpack_arrays
from vkflow.modelling.bundles import (
    Bundle,
)
from vkflow.modelling.drift import GROWING
from vkflow.modelling.linear import FOLDS
from vkflow.modelling.splits import TRAIN


def test_features_are_described_one_by_one(prepared: Prepared) -> None:
    recipe, data = prepared
    assert list(recipe.features.describe()) == data.features.columns
    assert all(recipe.features.describe().values())


def test_chunks_do_not_change_the_features(posts: pl.DataFrame, prepared: Prepared) -> None:
    recipe, data = prepared
    whole = recipe.features.table(posts)
    assert whole.equals(data.features)


def test_features_that_only_grow_are_features(prepared: Prepared) -> None:
    assert set(GROWING) <= set(prepared[0].features.describe())


def test_missing_picture_text_owner_and_date_have_features(
    posts: pl.DataFrame, prepared: Prepared, bundle: Bundle
) -> None:
    # given: a post of which nothing is known but an empty text
    history = {name: None for name in posts.columns if name.startswith("history_")}
    unknown = {
        "has_image": False,
        "is_ad": None,
        "published_at": None,
        "text": None,
        "text_embedding": None,
        "image_embedding": None,
        "image_scores": None,
        "image_category": None,
        "text_image_similarity": None,
        **dict.fromkeys(("characters", "words", "n_tokens"), 0),
        **history,
    }
    post = posts.head(1).with_columns(
        pl.lit(value, posts.schema[name]).alias(name) for name, value in unknown.items()
    )
    # when
    features = prepared[0].features.table(post).row(0, named=True)
    probability = bundle.predict(post)["like"]
    # then
    assert features["image_category"] == "none"
    assert features["has_image"] == features["has_text"] == 0
    assert all(math.isnan(features[name]) for name in ("hour", "text_00", "score_cat"))
    prior = prepared[0].features.priors["like"].rate
    assert features["owner_like_logit"] == pytest.approx(math.log(prior / (1 - prior)), rel=1e-4)
    assert 0 < probability[0] < 1


def test_recipe_sees_the_training_posts_only(
    posts: pl.DataFrame, outcomes: pl.DataFrame, prepared: Prepared
) -> None:
    # given: the same posts, but everything outside of the training window is changed
    outside = pl.lit(prepared[1].keys["split"] != TRAIN)
    moved = posts.with_columns(
        pl.when(outside)
        .then(pl.lit([100.0] * 8, pl.List(pl.Float32)))
        .otherwise("text_embedding")
        .alias("text_embedding"),
        pl.when(outside).then(9_999).otherwise("characters").alias("characters"),
        pl.when(outside).then(pl.lit("другие слова")).otherwise("text").alias("text"),
    )
    others = outcomes.with_columns(pl.when(outside).then(0).otherwise("count").alias("count"))
    # when
    recipe, _ = prepare_posts(moved, others)
    # then
    before, after = prepared[0], recipe
    np.testing.assert_array_equal(
        before.features.text_reducer.components, after.features.text_reducer.components
    )
    np.testing.assert_array_equal(before.design.words.components, after.design.words.components)
    for group, standardiser in before.design.standardisers.items():
        np.testing.assert_array_equal(standardiser.mean, after.design.standardisers[group].mean)
    assert after.features.priors == before.features.priors
    assert after.design.owners == before.design.owners


def test_members_are_a_feature_where_the_source_tells_them(
    posts: pl.DataFrame, outcomes: pl.DataFrame, prepared: Prepared, tmp_path: Path
):
    assert "owner_members" not in prepared[0].features.describe()
    unknown = posts.with_columns(owner_members=pl.lit(None, pl.Int64))
    assert "owner_members" not in prepare_posts(unknown, outcomes)[0].features.describe()
    members = pl.col("owner_id").abs() * 1_000
    known = posts.with_columns(owner_members=pl.when(pl.col("post_id") > 3).then(members))
    recipe, data = prepare_posts(known, outcomes)
    table = recipe.features.table(known.head(10))
    assert table["owner_members"].head(4).is_nan().all()
    assert table["owner_members"][5] == abs(known["owner_id"][5]) * 1_000
    assert "owner_members" in data.features.columns
    plain, wider = (each[1].linear_design.shape[1] for each in (prepared, (recipe, data)))
    assert wider == plain + 1
    arrays = pack_arrays(recipe, {})
    back, _ = unpack_arrays(
        arrays,
        priors=recipe.features.priors,
        categories=recipe.features.categories,
        time_zone=recipe.features.time_zone,
        owner_time_zones={},
        knows_members=True,
    )
    assert list(back.features.describe()) == list(recipe.features.describe())


def test_undated_posts_of_an_owner_are_in_all_folds(
    posts: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    """They come in the order of owners: blocks of that order would be whole walls."""
    undated = posts.with_columns(pl.lit(None, posts.schema["published_at"]).alias("published_at"))
    _, data = prepare_posts(undated.sort("owner_id", "post_id"), outcomes)
    folds = data.keys.with_columns(pl.Series("fold", data.blocks)).filter(split="train")
    of_owner = folds.group_by("owner_id").agg(pl.len(), pl.col("fold").n_unique())
    assert of_owner.filter(pl.col("len") >= 20)["fold"].to_list()
    assert (of_owner.filter(pl.col("len") >= 20)["fold"] == FOLDS).all()
