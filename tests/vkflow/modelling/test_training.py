import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file, save_file

from tests.fakes.first_counts import first_counts_of
from vkflow.errors import BadBundleError, MissingModelError
from vkflow.modelling.arrays import pack_arrays, unpack_arrays
from vkflow.modelling.bundles import (
    Bundle,
    Fitted,
    Manifest,
    Prior,
    load_bundle,
    save_bundle,
)
from vkflow.modelling.calibration import IDENTITY, Calibration
from vkflow.modelling.drift import GROWING
from vkflow.modelling.evaluation import metrics_table
from vkflow.modelling.judging import EvaluatedPosts, judge
from vkflow.modelling.linear import FOLDS
from vkflow.modelling.linear_stage import fit_linear_stage
from vkflow.modelling.metrics import logits
from vkflow.modelling.owner_rates import smoothed_rates
from vkflow.modelling.prediction import predict_posts
from vkflow.modelling.promotion import decide_promotion
from vkflow.modelling.registry import load_metrics
from vkflow.modelling.splits import GAP, TEST, TRAIN, VALIDATION
from vkflow.modelling.spreads import Spread
from vkflow.modelling.training import ActivityModel, Trained, train
from vkflow.modelling.training_set import Recipe, TrainingSet, prepare
from vkflow.settings.sections import TrainingSettings

SETTINGS = TrainingSettings(iterations=60, learning_rate=0.1, text_components=4, threads=2)
CATEGORIES = ("cat", "dog")
Prepared = tuple[Recipe, TrainingSet]


def prepare_posts(
    posts: pl.DataFrame, outcomes: pl.DataFrame, first_counts: pl.DataFrame | None = None
) -> Prepared:
    if first_counts is None:
        first_counts = first_counts_of(posts, outcomes)
    return prepare(
        lambda: posts.iter_slices(400),
        outcomes,
        first_counts,
        CATEGORIES,
        SETTINGS,
        timedelta(hours=72),
    )


def train_silently(prepared: Prepared, settings: TrainingSettings = SETTINGS) -> Trained:
    return train(prepared[1], prepared[0], settings, lambda activity: None)


def table_of(prepared: Prepared, trained: Trained, samples: int = 200) -> pl.DataFrame:
    judged = judge(prepared[1], prepared[0].features.priors, trained.predictions, None)
    return metrics_table(judged, load_metrics(), samples=samples, seed=0)


@pytest.fixture(scope="module")
def prepared(posts: pl.DataFrame, outcomes: pl.DataFrame) -> Prepared:
    return prepare_posts(posts, outcomes)


@pytest.fixture(scope="module")
def trained(prepared: Prepared) -> Trained:
    return train_silently(prepared)


@pytest.fixture(scope="module")
def judged(prepared: Prepared, trained: Trained) -> dict[str, EvaluatedPosts]:
    return judge(prepared[1], prepared[0].features.priors, trained.predictions, None)


@pytest.fixture(scope="module")
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


def test_model_beats_both_baselines_where_there_is_something_to_learn(
    judged: dict[str, EvaluatedPosts],
) -> None:
    table = metrics_table(judged, load_metrics(), samples=200, seed=0)
    likes = {row["metric"]: row for row in table.filter(pl.col("activity") == "like").to_dicts()}
    assert likes["gain_over_global"]["low"] > 0
    assert likes["gain_over_owner"]["low"] > 0
    assert decide_promotion(table, has_champion=False).promoted


def test_activities_without_labels_are_skipped_with_a_reason(trained: Trained) -> None:
    assert set(trained.models) == {"like"}
    assert trained.skipped["hide"] == "no post has a known count"


def test_too_few_posts_are_named(prepared: Prepared) -> None:
    few = SETTINGS.model_copy(update={"min_posts": 5_000})
    skipped = train_silently(prepared, few).skipped
    assert skipped["like"].startswith("too few labelled posts: ")


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


def test_same_data_give_the_same_model_on_any_number_of_threads(prepared: Prepared) -> None:
    predictions = [
        train_silently(prepared, SETTINGS.model_copy(update={"threads": threads})).predictions
        for threads in (1, 2)
    ]
    np.testing.assert_array_equal(predictions[0]["like"], predictions[1]["like"])


def test_bundle_predicts_what_was_judged(
    posts: pl.DataFrame, prepared: Prepared, trained: Trained, bundle: Bundle
) -> None:
    rows = prepared[1].rows("like", TEST)
    judged = Bundle(bundle.manifest, bundle.recipe, trained.judged)
    np.testing.assert_allclose(
        judged.predict(posts[rows])["like"], trained.predictions["like"][rows], rtol=1e-5
    )


def test_a_calibration_is_applied_once_to_the_sum_of_both_stages(
    posts: pl.DataFrame, prepared: Prepared, trained: Trained
) -> None:
    line = Calibration(0.3, 0.8)
    plain, corrected = (
        logits(
            predict_posts(
                prepared[0],
                {"like": replace(trained.judged["like"], calibration=calibration)},
                posts,
            )["like"]
        )
        for calibration in (IDENTITY, line)
    )
    np.testing.assert_allclose(corrected, 0.3 + 0.8 * plain, rtol=1e-9)


def test_it_is_judged_on_the_test_window_alone(
    prepared: Prepared, judged: dict[str, EvaluatedPosts]
) -> None:
    in_test = np.flatnonzero((prepared[1].keys["split"] == TEST).to_numpy())
    np.testing.assert_array_equal(judged["like"].rows, in_test)


def test_the_validation_window_alone_decides_what_is_fitted_on_it(
    posts: pl.DataFrame, outcomes: pl.DataFrame, prepared: Prepared
) -> None:
    """Where the owner's rate is all there is the model is dropped, not where it is judged."""
    recipe, data = prepared
    rates = smoothed_rates(data.history, "like", recipe.features.priors["like"])
    views = outcomes["exposures"].to_numpy()
    usual = pl.Series(np.rint(views * rates).astype(int))
    dropped = {}
    for split in (VALIDATION, TEST):
        as_usual = outcomes.with_columns(
            pl.when(pl.lit(data.keys["split"] == split))
            .then(usual)
            .otherwise("count")
            .alias("count")
        )
        first = first_counts_of(posts, outcomes)
        dropped[split] = "like" in train_silently(prepare_posts(posts, as_usual, first)).skipped
    assert dropped == {VALIDATION: True, TEST: False}


def test_the_bundle_is_what_was_judged_and_has_learnt_from_the_test_window_since(
    posts: pl.DataFrame, prepared: Prepared, trained: Trained, bundle: Bundle
) -> None:
    before, after = trained.judged["like"], trained.models["like"]
    assert (before.calibration, before.penalty) == (after.calibration, after.penalty)
    assert before.trees.tree_count_ == after.trees.tree_count_
    rows = prepared[1].rows("like", TEST)
    refitted, judged = bundle.predict(posts[rows])["like"], trained.predictions["like"][rows]
    assert np.corrcoef(np.log(refitted), np.log(judged))[0, 1] > 0.95
    assert np.abs(refitted - judged).max() > 1e-6


def test_outcomes_of_the_test_window_change_no_byte_of_what_it_judges(
    posts: pl.DataFrame, outcomes: pl.DataFrame, prepared: Prepared, trained: Trained
) -> None:
    in_test = pl.lit(prepared[1].keys["split"] == TEST)
    changed = outcomes.with_columns(
        pl.when(in_test).then(pl.col("exposures") // 3).otherwise("count").alias("count")
    )
    # The counts of a test post are a later one's past, as the histories are: what is predicted of
    # the test window may look at them, what has been learnt may not.
    other = train_silently(prepare_posts(posts, changed))
    before, after = trained.judged["like"], other.judged["like"]
    np.testing.assert_array_equal(before.coefficients, after.coefficients)
    assert _dump(before) == _dump(after)
    assert (before.calibration, before.penalty, before.variance) == (
        after.calibration,
        after.penalty,
        after.variance,
    )
    seen = prepared[1].rows("like", VALIDATION)
    np.testing.assert_array_equal(
        trained.predictions["like"][seen], other.predictions["like"][seen]
    )
    before_them = prepare_posts(posts, changed, first_counts_of(posts, outcomes))
    np.testing.assert_array_equal(
        trained.predictions["like"], train_silently(before_them).predictions["like"]
    )
    assert trained.models["like"].coefficients.tobytes() != (
        other.models["like"].coefficients.tobytes()
    )


def _dump(model: ActivityModel) -> list[list[float]]:
    trees = model.trees
    return [trees.get_leaf_values().tolist(), trees.get_tree_leaf_counts().tolist()]


def test_each_training_post_is_offset_by_a_fit_without_its_block(prepared: Prepared) -> None:
    recipe, data = prepared
    stage = fit_linear_stage(data, recipe, SETTINGS.min_posts, 1)
    fit, offsets = stage.fits["like"], stage.offsets["like"]
    split = data.keys["split"].to_numpy()
    expected = {f"fold {block}": (data.blocks == block, fit.folds[block]) for block in range(FOLDS)}
    expected["validation"] = (split == VALIDATION, fit.training)
    expected["test"] = (np.isin(split, [TEST, GAP]), fit.judged)
    for name, (rows, coefficients) in expected.items():
        found = data.linear_design[rows] @ coefficients
        np.testing.assert_allclose(offsets[rows], found, atol=1e-4, err_msg=name)


def test_permuted_outcomes_and_histories_give_no_gain(
    posts: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    # given: each post has the history and the outcome of another one, each of its own
    history = posts.select(pl.col("^history_.*$")).sample(fraction=1, shuffle=True, seed=5)
    counted = outcomes.select("exposures", "count").sample(fraction=1, shuffle=True, seed=6)
    permuted = prepare_posts(posts.with_columns(history), outcomes.with_columns(counted))
    # when
    table = table_of(permuted, train_silently(permuted))
    # then
    gain = table.filter(activity="like", metric="gain_over_global").row(0, named=True)
    assert gain["low"] <= 0 or gain["value"] < 0.003, gain


def test_training_posts_have_no_prediction_to_be_judged_by(
    prepared: Prepared, trained: Trained
) -> None:
    data = prepared[1]
    assert np.isnan(trained.predictions["like"][data.rows("like", TRAIN)]).all()
    held_out = data.rows("like", VALIDATION, TEST)
    assert not np.isnan(trained.predictions["like"][held_out]).any()


def test_permuted_outcomes_give_no_gain(posts: pl.DataFrame, outcomes: pl.DataFrame) -> None:
    # given: each post has the likes and views of another one
    shuffled = outcomes.with_columns(
        outcomes.select("exposures", "count").sample(fraction=1, shuffle=True, seed=3)
    )
    permuted = prepare_posts(posts, shuffled)
    # when
    table = table_of(permuted, train_silently(permuted))
    # then
    for metric in ("gain_over_global", "gain_over_owner"):
        gain = table.filter(activity="like", metric=metric).row(0, named=True)
        assert gain["low"] <= 0 or gain["value"] < 0.003, gain


def test_raising_the_owners_past_rate_raises_the_prediction(
    posts: pl.DataFrame, bundle: Bundle, trained: Trained
) -> None:
    past = posts.filter(pl.col("history_like_exposures") > 0)
    raised = past.with_columns((pl.col("^history_(recent_)?like_count$") * 1.5).cast(pl.Int64))
    judged = Bundle(bundle.manifest, bundle.recipe, trained.judged)
    before, after = (judged.predict(frame)["like"] for frame in (past, raised))
    assert (after > before).mean() > 0.95
    # The refitted bundle's only tree splits on something else: in this world owners hardly differ.
    before, after = (bundle.predict(frame)["like"] for frame in (past, raised))
    assert np.log(after / before).mean() > 0.002


def test_oracle_share_is_one_for_the_oracle_itself(prepared: Prepared, trained: Trained) -> None:
    recipe, data = prepared
    rows = data.rows("like", TEST)
    oracle = data.keys[rows].with_columns(
        pl.lit("like").alias("activity"),
        pl.Series("oracle", trained.predictions["like"][rows]),
    )
    judged = judge(data, recipe.features.priors, trained.predictions, oracle)
    table = metrics_table(judged, load_metrics(), samples=100, seed=0)
    assert table.filter(activity="like", metric="oracle_share")["value"].item() == pytest.approx(1)


def test_bundle_comes_back_from_disk_as_it_was(
    posts: pl.DataFrame, bundle: Bundle, tmp_path: Path
) -> None:
    folder = save_bundle(bundle, tmp_path)
    loaded = load_bundle(tmp_path, "20260401-abc")
    np.testing.assert_array_equal(bundle.predict(posts)["like"], loaded.predict(posts)["like"])
    assert loaded.manifest == bundle.manifest
    names = {file.name for file in folder.iterdir()}
    assert names == {"like.cbm", "manifest.json", "arrays.safetensors"}


def test_saving_twice_gives_the_same_bytes(bundle: Bundle, tmp_path: Path) -> None:
    first = save_bundle(bundle, tmp_path / "a")
    second = save_bundle(bundle, tmp_path / "b")
    for name in ("manifest.json", "arrays.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def _remove_model(folder: Path) -> None:
    (folder / "like.cbm").unlink()


def _damage_model(folder: Path) -> None:
    (folder / "like.cbm").write_bytes(b"nonsense")


def _damage_arrays(folder: Path) -> None:
    (folder / "arrays.safetensors").write_bytes(b"nonsense")


def _damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{}")


def _promise_gigabytes(folder: Path) -> None:
    """CatBoost would end the whole process."""
    (folder / "like.cbm").write_bytes(b"CBM1" + b"\xff" * 100)


def _put_pipe(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    os.mkfifo(folder / "manifest.json")


def _unsettle(*where: str, value: object = float("nan")) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        *path, last = where
        place = manifest
        for name in path:
            place = place[name]
        place[last] = value
        (folder / "manifest.json").write_text(json.dumps(manifest))

    return damage


def _with_array(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        arrays = load_file(folder / "arrays.safetensors")
        save_file(arrays | {name: change(arrays[name])}, folder / "arrays.safetensors")

    return damage


def _take_manifest_of_another(folder: Path) -> None:
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"model_version": "other"}))


@pytest.mark.parametrize(
    "damage",
    [
        _remove_model,
        _damage_model,
        _damage_arrays,
        _damage_manifest,
        _promise_gigabytes,
        _put_pipe,
        _unsettle("trained", "like", "slope"),
        _unsettle("spreads", "like", "variance"),
        _unsettle("spreads", "like", "owners", "-1"),
        _unsettle("time_zone", value="Europe/Nowhere"),
        _unsettle("owner_time_zones", value={"-1": "../../etc/passwd"}),
        _unsettle("priors", "like", "rate", value=-1),
        _with_array("linear.like", lambda values: values * np.float32("nan")),
        _with_array("linear.like", lambda values: values[:, None].copy()),
        _with_array("text.mean", lambda values: values[:-1].copy()),
        _take_manifest_of_another,
    ],
)
def test_damaged_bundle_is_named_with_the_way_out(
    damage: Callable[[Path], None], bundle: Bundle, tmp_path: Path
) -> None:
    damage(save_bundle(bundle, tmp_path))
    with pytest.raises(BadBundleError, match="promote VERSION"):
        load_bundle(tmp_path, "20260401-abc")


def test_bundle_of_another_version_says_so(bundle: Bundle, tmp_path: Path) -> None:
    arrays = save_bundle(bundle, tmp_path) / "arrays.safetensors"
    save_file({k: v for k, v in load_file(arrays).items() if k != "design.owners"}, arrays)
    with pytest.raises(BadBundleError, match=r"another version of vkflow.*vkflow train"):
        load_bundle(tmp_path, "20260401-abc")


def test_missing_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingModelError, match="there is no bundle"):
        load_bundle(tmp_path, "20260401-abc")


@pytest.mark.parametrize("version", ["", ".", "..", "20260401-abc/", "a/../20260401-abc", "/etc"])
def test_path_is_no_version(bundle: Bundle, tmp_path: Path, version: str) -> None:
    """Promoted, such a name would be the champion's from then on."""
    save_bundle(bundle, tmp_path)
    with pytest.raises(MissingModelError, match="is no version of a bundle"):
        load_bundle(tmp_path, version)


def test_activity_without_a_model_is_predicted_by_its_owner_rate(
    posts: pl.DataFrame, bundle: Bundle
) -> None:
    without = Bundle(bundle.manifest, bundle.recipe, {})
    assert (bundle.predicted_by("like"), without.predicted_by("like")) == ("model", "owner rate")
    rates = without.predict(posts)["like"]
    assert np.unique(rates.round(12)).size > 10
    assert abs(rates.mean() - bundle.recipe.features.priors["like"].rate) < 0.03


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


def test_an_activity_that_hardly_ever_happened_is_not_learnt(
    posts: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    rare = outcomes.with_columns(
        count=pl.when(pl.int_range(pl.len()) % 30 == 0).then(1).otherwise(0)
    )
    trained = train_silently(prepare_posts(posts, rare))
    assert "times in the training window, 50 are needed" in trained.skipped["like"]


def test_as_much_comes_as_was_predicted_where_views_cost_rates(
    posts: pl.DataFrame, outcomes: pl.DataFrame
) -> None:
    """A fit on rates alone expects too much of the posts that make up most of the views."""
    more = posts["views"].log() - posts["views"].log().mean()
    costly = outcomes.with_columns(
        count=(pl.col("count") * (-0.5 * more).exp()).round().clip(0, pl.col("exposures"))
    )
    prepared = prepare_posts(posts, costly)
    found = table_of(prepared, train_silently(prepared))
    ratio = found.filter(activity="like", metric="predicted_over_observed").row(0, named=True)
    assert ratio["value"] == pytest.approx(1, abs=0.06)
