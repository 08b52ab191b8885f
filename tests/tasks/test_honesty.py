"""Guards of the honesty of the numbers, on sample worlds that go through the real pipeline.

Only the text encoder is a quicker one, see ``tests.fakes.hashed_words``.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flows.sampling import ensure_sample
from tasks import texts as texts_task
from tasks.backtesting import backtest_night
from tasks.experimenting import compare_variants
from tasks.judging import judge_bundle
from tasks.labelled_posts import labelled_posts, training_fingerprint
from tasks.pictures import tag_pictures
from tasks.pulling import pull_posts
from tasks.scoring import score_posts
from tasks.searching import search_trees
from tasks.selected_posts import read_inputs, selected_posts
from tasks.step import warehouse_of
from tasks.training import decide_on_bundle, train_bundle
from tests.fakes.hashed_words import HashedWords
from vkflow.errors import SettingsError
from vkflow.modelling.metrics import logits
from vkflow.modelling.prediction import predict_posts
from vkflow.modelling.training import Trained, train
from vkflow.modelling.training_set import Recipe, TrainingSet
from vkflow.sample.truth import read_effects, read_latent, read_oracle
from vkflow.settings import Settings, load_settings
from warehouse import features
from warehouse.contents import write_posts

pytestmark = pytest.mark.night

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
ORACLE_SHARE_BOUND = 0.80
"""Of 3,000 posts; measured 0.86 with this encoder. Lower it only with a reason in the commit."""


def mark_up_to_date(home: Path, *, null: bool = False, posts: int = 3_000) -> Settings:
    """A warehouse with a sample world, pulled, embedded and tagged."""
    ensure_sample(home / "sample", posts, until=UNTIL, null=null)
    settings = load_settings(home=home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts_task, "load_encoder", lambda _settings: HashedWords())
        pull_posts.fn(settings, UNTIL)
        texts_task.compute_text_statistics.fn(settings)
        texts_task.embed_texts.fn(settings)
        tag_pictures.fn(settings)
    return settings


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return mark_up_to_date(tmp_path_factory.mktemp("world"))


Learnt = tuple[Recipe, TrainingSet, Trained, pl.DataFrame]


def learn(settings: Settings, as_of: datetime = UNTIL) -> Learnt:
    with labelled_posts(settings, as_of) as posts:
        recipe, data = posts.prepare(settings)
        trained = train(data, recipe, settings.training, lambda activity: None)
        rows = pl.concat(list(posts.read()))
    return recipe, data, trained, rows


@pytest.fixture(scope="module")
def learnt(settings: Settings) -> Learnt:
    return learn(settings)


@pytest.fixture(scope="module")
def metrics(settings: Settings, learnt: Learnt) -> pl.DataFrame:
    recipe, data, trained, _ = learnt
    return judge_bundle(settings, data, recipe, trained, {}).filter(split="test")


def figure(metrics: pl.DataFrame, activity: str, metric: str) -> dict[str, float]:
    return metrics.filter(activity=activity, metric=metric).row(0, named=True)


def test_champion_beats_both_baselines_for_every_frequent_activity(metrics: pl.DataFrame) -> None:
    rates = metrics.filter(metric="rate", activity=pl.col("activity"))
    frequent = [
        row["activity"]
        for row in rates.to_dicts()
        if row["value"] > 0.001 and row["activity"] != "all"
    ]
    assert len(frequent) >= 5
    for activity in frequent:
        assert figure(metrics, activity, "gain_over_global")["value"] > 0, activity
        assert figure(metrics, activity, "gain_over_owner")["value"] > 0, activity


def test_share_of_the_attainable_gain_does_not_rot(metrics: pl.DataFrame) -> None:
    assert figure(metrics, "all", "oracle_share")["value"] > ORACLE_SHARE_BOUND


def test_predictions_are_calibrated(metrics: pl.DataFrame) -> None:
    slope = figure(metrics, "all", "calibration_slope")
    assert 0.9 < slope["value"] < 1.1


MIN_EFFECT = {"text": 0.15, "picture": 0.15, "hour": 0.18, "weekday": 0.1}
"""On the logit scale: smaller ones are lost in the noise of 3,000 posts."""


@pytest.mark.parametrize(
    ("kind", "min_pairs"), [("text", 10), ("picture", 80), ("hour", 15), ("weekday", 6)]
)
def test_planted_effects_have_the_right_sign(
    settings: Settings, learnt: Learnt, kind: str, min_pairs: int
) -> None:
    """What the model says of posts when one thing is exchanged, against what was planted."""
    right = agreements(settings, learnt, kind)
    assert len(right) >= min_pairs
    assert np.mean(right) >= 0.95


def agreements(settings: Settings, learnt: Learnt, kind: str) -> list[bool]:
    """Whether response and truth have the same sign, by level and activity of a kind.

    Both are taken relative to the mean over all levels; to the posts as they are for the text.
    """
    recipe, _, trained, rows = learnt
    rows = rows.filter(pl.col("image_embedding").is_not_null())[:: 1 if kind == "text" else 4]
    levels = LEVELS[kind](rows)
    responses = {
        level: {
            activity: float(logits(probability).mean())
            for activity, probability in predict_posts(recipe, trained.models, posts).items()
        }
        for level, posts in {"as they are": rows, **levels}.items()
    }
    planted = {
        (row["level"], row["activity"]): row["effect"]
        for row in read_effects(settings.sample_directory).filter(kind=kind).to_dicts()
    }
    right = []
    for activity in trained.models:
        effects = np.array([planted[level, activity] for level in levels])
        changes = np.array([responses[level][activity] for level in levels])
        effects -= 0 if kind == "text" else effects.mean()
        changes -= responses["as they are"][activity] if kind == "text" else changes.mean()
        large = np.abs(effects) > MIN_EFFECT[kind]
        right += list(np.sign(effects[large]) == np.sign(changes[large]))
    return right


def _texts(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    levers = {"emoji": "emoji", "question": "question_marks", "hashtag": "hashtags", "link": "urls"}
    return {
        level: rows.with_columns(pl.lit(2, rows.schema[statistic]).alias(statistic))
        for level, statistic in levers.items()
    }


def _pictures(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Every post with a picture drawn from those of each category in turn."""
    of_picture = ["image_embedding", "image_scores", "image_category"]
    donors = rows.select(of_picture).partition_by("image_category", as_dict=True)
    return {
        str(category): pl.concat(
            [
                rows.drop(of_picture),
                pictures.sample(len(rows), with_replacement=True, seed=1),
            ],
            how="horizontal",
        )
        for (category,), pictures in donors.items()
    }


def _hours(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    local = pl.col("published_at").dt.convert_time_zone("Europe/Moscow")
    return {
        str(hour): rows.with_columns(
            (local.dt.truncate("1d") + pl.duration(hours=hour)).dt.convert_time_zone("UTC")
        )
        for hour in range(24)
    }


def _weekdays(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    local = pl.col("published_at").dt.convert_time_zone("Europe/Moscow")
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return {
        name: rows.with_columns(
            pl.col("published_at") + pl.duration(days=1) * (day - local.dt.weekday().cast(int))
        )
        for day, name in enumerate(names, start=1)
    }


LEVELS = {"text": _texts, "picture": _pictures, "hour": _hours, "weekday": _weekdays}


def test_what_happens_after_a_night_changes_nothing_before_it(
    tmp_path: Path, settings: Settings
) -> None:
    """Every later snapshot and every later post is changed: no feature, no prediction moves."""
    night = UNTIL - timedelta(days=20)
    recipe, data, trained, rows = learn(settings, night)
    # given
    with warehouse_of(settings) as connection:
        connection.execute("CREATE TABLE kept_snapshots AS FROM snapshots")
        connection.execute("CREATE TABLE kept_posts AS FROM posts")
        connection.execute(
            "UPDATE snapshots SET likes = 0, comments = views, hides = views WHERE observed_at > ?",
            [night],
        )
        connection.execute(
            "UPDATE posts SET text = 'x', is_ad = NOT is_ad WHERE published_at > ?", [night]
        )
    # when
    try:
        _, moved_data, moved, moved_rows = learn(settings, night)
    finally:
        with warehouse_of(settings) as connection:
            for table in ("snapshots", "posts"):
                connection.execute(f"CREATE OR REPLACE TABLE {table} AS FROM kept_{table}")
                connection.execute(f"DROP TABLE kept_{table}")
    # then
    assert moved_rows.equals(rows)
    assert moved_data.features.equals(data.features)
    before = predict_posts(recipe, trained.models, rows)
    for activity, probabilities in predict_posts(recipe, moved.models, rows).items():
        np.testing.assert_array_equal(probabilities, before[activity])


def test_edits_after_publication_change_nothing_that_is_learnt_scored_or_judged(
    settings: Settings,
) -> None:
    """Every post is edited once its outcome is known, and the edit tells the outcome."""
    night, later = UNTIL - timedelta(days=20), UNTIL + timedelta(days=1)
    window = (night, UNTIL)

    def read() -> tuple[list[pl.DataFrame], str]:
        found = []
        for as_of, published in ((UNTIL, None), (night, None), (UNTIL, window)):
            with labelled_posts(settings, as_of, published=published) as posts:
                found.append(pl.concat(list(posts.read())))
        with warehouse_of(settings, UNTIL) as connection:
            features.select_published_between(connection, *window)
            found.append(pl.concat(list(selected_posts(connection, read_inputs(connection)))))
        return found, training_fingerprint(settings, UNTIL)

    before = read()
    # given
    with warehouse_of(settings) as connection:
        for table in ("posts", "earlier_contents", "sightings"):
            connection.execute(f"CREATE TABLE kept_{table} AS FROM {table}")
        told = connection.execute(
            "SELECT owner_id, post_id, published_at, 'Итоги: ' || likes AS text, "
            "md5(text) AS text_hash, NULL::VARCHAR AS image_hash, likes > 100 AS is_ad "
            "FROM posts JOIN labels USING (owner_id, post_id)"
        ).pl()
        write_posts(connection, told, source="sample", seen_at=later)
    # when
    try:
        texts_task.compute_text_statistics.fn(settings)
        after = read()
        with warehouse_of(settings) as connection:
            (edited,) = connection.execute("SELECT count(*) FROM earlier_contents").fetchone()
    finally:
        with warehouse_of(settings) as connection:
            for table in ("posts", "earlier_contents", "sightings"):
                connection.execute(f"CREATE OR REPLACE TABLE {table} AS FROM kept_{table}")
                connection.execute(f"DROP TABLE kept_{table}")
    # then
    assert edited == len(told) > 2_000
    assert all(one.equals(other) for one, other in zip(before[0], after[0], strict=True))
    assert after[1] == before[1]


def test_null_world_has_nothing_to_gain(tmp_path: Path) -> None:
    null = mark_up_to_date(tmp_path, null=True, posts=1_500)
    recipe, data, trained, _ = learn(null)
    table = judge_bundle(null, data, recipe, trained, {}).filter(split="test")
    for metric in ("gain_over_global", "gain_over_owner"):
        gain = figure(table, "all", metric)
        assert gain["low"] <= 0 or gain["value"] < 0.002, gain


def test_permuted_outcomes_have_nothing_to_gain(settings: Settings) -> None:
    with labelled_posts(settings, UNTIL) as posts:
        counted = ["exposures", "count"]
        shuffled = posts.outcomes.with_columns(
            pl.col(counted).shuffle(seed=1).over("activity", mapping_strategy="group_to_rows")
        )
        recipe, data = replace(posts, outcomes=shuffled).prepare(settings)
        trained = train(data, recipe, settings.training, lambda activity: None)
    table = judge_bundle(settings, data, recipe, trained, {}).filter(split="test")
    gain = figure(table, "all", "gain_over_global")
    assert gain["low"] <= 0 or gain["value"] < 0.003, gain


def test_second_bundle_is_judged_against_the_champion(settings: Settings) -> None:
    for night in (UNTIL - timedelta(days=5), UNTIL):
        version = train_bundle.fn(settings, night).model_version
        reason = decide_on_bundle.fn(settings, version, night)
    assert "against the champion" in reason or "worse than the champion" in reason
    assert score_posts.fn(settings, UNTIL, "run").posts > 0
    with warehouse_of(settings) as connection:
        decisions = connection.execute("SELECT decision, reason FROM promotions").fetchall()
    assert len(decisions) == 2 and all(reason for _, reason in decisions)


def test_experiment_puts_its_variants_on_the_leaderboard(settings: Settings) -> None:
    names = ["global rate", "owner rate", "text statistics", "product"]
    experiment_id = compare_variants.fn(settings, UNTIL, names)
    with warehouse_of(settings) as connection:
        board = connection.execute(
            "SELECT variant, gain_over_global, gain_over_owner, low, high FROM leaderboard "
            "WHERE experiment_id = ? AND activity = 'all'",
            [experiment_id],
        ).pl()
    assert set(board["variant"]) == set(names)
    assert board["variant"][0] == "product"
    by_variant = {row["variant"]: row for row in board.to_dicts()}
    assert by_variant["global rate"]["gain_over_global"] == 0
    assert by_variant["owner rate"]["gain_over_owner"] == 0
    assert by_variant["product"]["low"] > 0


def test_unknown_variant_names_the_known_ones(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="owner rate"):
        compare_variants.fn(settings, UNTIL, ["magic"])


def test_search_says_on_the_test_window_whether_what_it_found_is_better(
    settings: Settings,
) -> None:
    found = search_trees.fn(settings, UNTIL, 0.05)
    with warehouse_of(settings) as connection:
        board = connection.execute(
            "SELECT variant, log_loss FROM leaderboard "
            "WHERE experiment_id = ? AND activity = 'all'",
            [found.experiment_id],
        ).fetchall()
    losses = dict(board)
    assert found.is_better == (losses["product, tuned"] < losses["product"])
    assert ("learning_rate = " in found.message) == found.is_better
    assert found.trials >= 1


def test_backtest_judges_the_days_after_a_night(settings: Settings) -> None:
    night = UNTIL - timedelta(days=14)
    n_posts = backtest_night.fn(settings, "b", night, UNTIL, 7)
    with warehouse_of(settings) as connection:
        (published,) = connection.execute(
            "SELECT count(*) FROM posts SEMI JOIN labels USING (owner_id, post_id) "
            "WHERE published_at >= ? AND published_at < ?",
            [night, night + timedelta(days=7)],
        ).fetchone()
        (gain,) = connection.execute(
            "SELECT gain_over_owner FROM backtests WHERE activity = 'all' AND night = ?", [night]
        ).fetchone()
    assert n_posts == published > 100
    assert gain > 0


def test_backtest_of_a_night_without_labels_says_so(settings: Settings) -> None:
    assert backtest_night.fn(settings, "b", UNTIL - timedelta(days=119), UNTIL, 7) == 0


def test_oracle_is_better_than_the_model(settings: Settings, metrics: pl.DataFrame) -> None:
    assert read_oracle(settings.sample_directory)["oracle"].is_between(0, 1).all()
    assert len(read_latent(settings.sample_directory)) == 3_000
    assert figure(metrics, "all", "oracle_share")["value"] < 1
