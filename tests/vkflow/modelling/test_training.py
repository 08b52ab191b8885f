import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vkflow.errors import BadBundleError, MissingModelError
from vkflow.modelling.bundles import (
    Bundle,
    Manifest,
    Prior,
    load_bundle,
    save_bundle,
)
from vkflow.modelling.evaluation import Judged, judge, metrics_table
from vkflow.modelling.features import FeatureRecipe
from vkflow.modelling.prediction import predict_table
from vkflow.modelling.promotion import decide_promotion
from vkflow.modelling.splits import TEST, TRAIN
from vkflow.modelling.training import (
    TrainedActivities,
    TrainingSet,
    prepare,
    train_activities,
)
from vkflow.settings import TrainingSettings

SETTINGS = TrainingSettings(iterations=120, learning_rate=0.1, text_components=4, threads=2)
CATEGORIES = ("cat", "dog")
Prepared = tuple[FeatureRecipe, TrainingSet]


@pytest.fixture(scope="module")
def prepared(posts: pl.DataFrame, outcomes: pl.DataFrame) -> Prepared:
    return prepare(
        lambda: posts.iter_slices(400), outcomes, CATEGORIES, SETTINGS, timedelta(hours=72)
    )


@pytest.fixture(scope="module")
def trained(prepared: Prepared) -> TrainedActivities:
    return train_activities(prepared[1], prepared[0].priors, SETTINGS, lambda activity: None)


@pytest.fixture(scope="module")
def judged(prepared: Prepared, trained: TrainedActivities) -> dict[str, Judged]:
    recipe, data = prepared
    return judge(data, recipe.priors, trained, None)


@pytest.fixture(scope="module")
def bundle(prepared: Prepared, trained: TrainedActivities) -> Bundle:
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
        priors={n: Prior(rate=p.rate, strength=p.strength) for n, p in recipe.priors.items()},
        features=recipe.describe(),
        trained=sorted(trained.models),
        skipped=dict(trained.skipped),
        parameters={},
        versions={},
    )
    return Bundle(manifest, recipe, trained.models)


def test_model_beats_both_baselines_where_there_is_something_to_learn(
    judged: dict[str, Judged],
) -> None:
    table = metrics_table(judged, samples=200, seed=0)
    likes = {row["metric"]: row for row in table.filter(pl.col("activity") == "like").to_dicts()}
    assert likes["gain_over_global"]["low"] > 0
    assert likes["gain_over_owner"]["low"] > 0
    assert decide_promotion(table, has_champion=True).promoted


def test_activities_without_labels_are_skipped_with_a_reason(trained: TrainedActivities) -> None:
    assert set(trained.models) == {"like"}
    assert trained.skipped["hide"] == "no post has a known count"


def test_too_few_posts_are_named(prepared: Prepared) -> None:
    few = SETTINGS.model_copy(update={"min_posts": 5_000})
    skipped = train_activities(prepared[1], prepared[0].priors, few, lambda activity: None).skipped
    assert skipped["like"].startswith("too few labelled posts: ")


def test_features_are_described_one_by_one(prepared: Prepared) -> None:
    recipe, data = prepared
    assert list(recipe.describe()) == data.features.columns
    assert all(recipe.describe().values())


def test_chunks_do_not_change_the_features(posts: pl.DataFrame, prepared: Prepared) -> None:
    recipe, data = prepared
    whole = recipe.table(posts)
    assert whole.equals(data.features)


def test_missing_picture_text_owner_and_date_have_features(
    posts: pl.DataFrame, prepared: Prepared, bundle: Bundle
) -> None:
    # given: a post of which nothing is known but an empty text
    history = {name: None for name in posts.columns if name.startswith("history_")}
    unknown = {
        "has_image": False,
        "is_ad": None,
        "published_at": None,
        "text_embedding": None,
        "image_embedding": None,
        "image_scores": None,
        "image_category": None,
        **dict.fromkeys(("characters", "words", "n_tokens"), 0),
        **history,
    }
    post = posts.head(1).with_columns(
        pl.lit(value, posts.schema[name]).alias(name) for name, value in unknown.items()
    )
    # when
    features = prepared[0].table(post).row(0, named=True)
    probability = bundle.predict(post)["like"]
    # then
    assert features["image_category"] == "none"
    assert features["has_image"] == features["has_text"] == 0
    assert all(math.isnan(features[name]) for name in ("hour", "text_00", "score_cat"))
    prior = prepared[0].priors["like"].rate
    assert features["owner_like_logit"] == pytest.approx(math.log(prior / (1 - prior)), rel=1e-4)
    assert 0 < probability[0] < 1


def test_pca_sees_the_training_posts_only(posts: pl.DataFrame, outcomes: pl.DataFrame) -> None:
    # given: the same posts, but the vectors of the test window are far away
    data_before = prepare(
        lambda: posts.iter_slices(400), outcomes, CATEGORIES, SETTINGS, timedelta(hours=72)
    )
    split = data_before[1].keys["split"]
    moved = posts.with_columns(
        pl.when(pl.lit(split != TRAIN))
        .then(pl.lit([100.0] * 8, pl.List(pl.Float32)))
        .otherwise("text_embedding")
        .alias("text_embedding")
    )
    # when
    after, _ = prepare(
        lambda: moved.iter_slices(400), outcomes, CATEGORIES, SETTINGS, timedelta(hours=72)
    )
    # then
    assert data_before[0].text_reducer is not None and after.text_reducer is not None
    np.testing.assert_array_equal(
        data_before[0].text_reducer.components, after.text_reducer.components
    )
    assert after.priors == data_before[0].priors


def test_same_data_give_the_same_model_on_any_number_of_threads(prepared: Prepared) -> None:
    predictions = []
    for threads in (1, 2):
        settings = SETTINGS.model_copy(update={"threads": threads, "iterations": 30})
        models = train_activities(
            prepared[1], prepared[0].priors, settings, lambda activity: None
        ).models
        predictions.append(predict_table(models, prepared[1].features)["like"])
    np.testing.assert_array_equal(*predictions)


def test_permuted_outcomes_give_no_gain(posts: pl.DataFrame, outcomes: pl.DataFrame) -> None:
    # given: each post has the likes and views of another one
    shuffled = outcomes.with_columns(
        outcomes.select("chances", "count").sample(fraction=1, shuffle=True, seed=3)
    )
    recipe, data = prepare(
        lambda: posts.iter_slices(400), shuffled, CATEGORIES, SETTINGS, timedelta(hours=72)
    )
    # when
    trained = train_activities(data, recipe.priors, SETTINGS, lambda activity: None)
    table = metrics_table(judge(data, recipe.priors, trained, None), samples=300, seed=0)
    # then
    gain = table.filter(activity="like", metric="gain_over_owner").row(0, named=True)
    assert gain["low"] <= 0 or gain["value"] < 0.005


def test_oracle_share_is_one_for_the_oracle_itself(
    prepared: Prepared, trained: TrainedActivities
) -> None:
    recipe, data = prepared
    rows = data.rows("like", TEST)
    oracle = data.keys[rows].with_columns(
        pl.lit("like").alias("activity"),
        pl.Series("oracle", predict_table(trained.models, data.features[rows])["like"]),
    )
    table = metrics_table(judge(data, recipe.priors, trained, oracle), samples=100, seed=0)
    assert table.filter(activity="like", metric="oracle_share")["value"].item() == pytest.approx(1)


def test_bundle_comes_back_from_disk_as_it_was(
    posts: pl.DataFrame, bundle: Bundle, tmp_path: Path
) -> None:
    folder = save_bundle(bundle, tmp_path)
    loaded = load_bundle(tmp_path, "20260401-abc")
    np.testing.assert_array_equal(bundle.predict(posts)["like"], loaded.predict(posts)["like"])
    assert loaded.manifest == bundle.manifest
    names = {file.name for file in folder.iterdir()}
    assert names == {"like.cbm", "manifest.json", "reducers.safetensors"}


def test_saving_twice_gives_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    first = save_bundle(bundle, tmp_path / "a")
    second = save_bundle(bundle, tmp_path / "b")
    for name in ("manifest.json", "reducers.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def _remove_model(folder: Path) -> None:
    (folder / "like.cbm").unlink()


def _damage_model(folder: Path) -> None:
    (folder / "like.cbm").write_bytes(b"nonsense")


def _damage_reducers(folder: Path) -> None:
    (folder / "reducers.safetensors").write_bytes(b"nonsense")


def _damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")


@pytest.mark.parametrize(
    "damage", [_remove_model, _damage_model, _damage_reducers, _damage_manifest]
)
def test_damaged_bundle_is_named_with_the_way_out(
    damage: Callable[[Path], None], bundle: Bundle, tmp_path: Path
) -> None:
    damage(save_bundle(bundle, tmp_path))
    with pytest.raises(BadBundleError, match="vkflow models promote"):
        load_bundle(tmp_path, "20260401-abc")


def test_missing_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError, match="there is no bundle"):
        load_bundle(tmp_path, "20260401-abc")


def test_activity_without_a_model_is_predicted_by_its_owner_rate(
    posts: pl.DataFrame, bundle: Bundle
) -> None:
    without = Bundle(bundle.manifest, bundle.recipe, {})
    rates = without.predict(posts)["like"]
    assert np.unique(rates.round(12)).size > 10
    assert abs(rates.mean() - bundle.recipe.priors["like"].rate) < 0.03
