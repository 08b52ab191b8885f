"""Nothing that became known later may change what a night learns, predicts, or is judged by.

On posts that are written straight into a warehouse, few and without pictures, so that a bundle
trains in a second.
"""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tasks import backtesting, scoring, training
from tasks.backtesting import backtest_night
from tasks.labelled_posts import labelled_posts, training_fingerprint
from tasks.selected_posts import read_inputs, selected_posts
from tasks.step import warehouse_of
from tasks.training import _incumbents, _predict_with, decide_on_bundle, train_bundle
from vkflow.modelling.bundles import Bundle, load_bundle
from vkflow.modelling.prediction import predict_posts
from vkflow.modelling.promotion import AGAINST_CHAMPION, AGAINST_EARLIER
from vkflow.modelling.training import Trained
from vkflow.settings import Settings, load_settings
from vkflow.text.cleaning import text_hashes
from vkflow.text.statistics import text_statistics
from warehouse import constants, contents, features, models, posts, texts
from warehouse.database import transaction

NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
START = NIGHT - timedelta(days=100)
N_POSTS, N_OWNERS = 800, 12
TRAINING = {
    "iterations": 30, "learning_rate": 0.1, "min_posts": 60, "text_components": 4, "threads": 1,
    "bootstrap_samples": 100,
}  # fmt: skip
MATURE = timedelta(hours=80)


def draw_posts() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Posts, their vectors, and two snapshots of each; likes and comments have a reason."""
    generator = np.random.default_rng(4)
    owner = generator.integers(0, N_OWNERS, N_POSTS)
    vectors = generator.normal(size=(N_POSTS, 6)).astype(np.float32)
    times = [START + timedelta(hours=3 * number) for number in range(N_POSTS)]
    written = pl.DataFrame(
        {
            "owner_id": -1 - owner,
            "post_id": range(N_POSTS),
            "published_at": times,
            "text": [f"слово {number}, ещё слово" for number in range(N_POSTS)],
            "image_hash": None,
            "is_ad": generator.random(N_POSTS) < 0.1,
        },
        schema_overrides={"image_hash": pl.String, "published_at": pl.Datetime("us", "UTC")},
    )
    written = written.with_columns(text_hashes(written["text"]))
    embeddings = pl.DataFrame(
        {
            "text_hash": written["text_hash"],
            "encoder_id": "e",
            "embedding": pl.Series(vectors.tolist(), dtype=pl.List(pl.Float32)),
            "n_tokens": 5,
            "truncated": False,
        }
    )
    effect = np.linspace(-1, 1, N_OWNERS)[owner] + 0.8 * vectors[:, 0]
    views = generator.lognormal(8, 0.5, N_POSTS).astype(int) + 50
    rates = [1 / (1 + np.exp(3.5 - sign * effect)) for sign in (1, -0.5)]
    counts = []
    for later, growth in ((timedelta(), 1.0), (timedelta(days=9), 1.2)):
        seen = (views * growth).astype(int)
        likes, comments = (generator.binomial(seen, rate) for rate in rates)
        unknown = dict.fromkeys(
            ("reach", "reposts", "shares_to_message", "hides", "expands", "photo_opens", "opens")
        )
        counts.append(
            written.select(
                "owner_id",
                "post_id",
                observed_at=pl.col("published_at") + MATURE + later,
                views=pl.Series(seen, dtype=pl.Int64),
                likes=pl.Series(likes, dtype=pl.Int64),
                comments=pl.Series(comments, dtype=pl.Int64),
                reposts_with_messages=pl.lit(None, pl.Boolean),
                **{name: pl.lit(None, pl.Int64) for name in unknown},
            )
        )
    return written, embeddings, pl.concat(counts)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home with all posts, each seen on the day it was published."""
    home: Path = tmp_path_factory.mktemp("leaks")
    settings = load_settings(home=home, images={"tagger": "none"}, training=TRAINING)
    written, embeddings, counts = draw_posts()
    statistics = text_statistics(written["text"]).with_columns(written["text_hash"])
    with warehouse_of(settings) as connection:
        with transaction(connection):
            contents.write_posts(connection, written, source="vk", seen_at=START)
            immature = counts.with_columns(observed_at=pl.col("observed_at") - MATURE).head(N_POSTS)
            posts.add_snapshots(
                connection,
                posts.fresh_snapshots(connection, pl.concat([immature, counts]), seen_at=NIGHT),
            )
        texts.write_text_embeddings(connection, embeddings)
        texts.write_text_statistics(connection, statistics)
        for name, value in {"encoder_id": "e", "tagger_id": "none", "taxonomy": "none"}.items():
            constants.write_constant(connection, name, value)
    return settings


@pytest.fixture(autouse=True)
def _tell_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event would start a Prefect server."""
    monkeypatch.setattr(training, "emit_event", lambda **_: None)


@pytest.fixture
def settings(drawn: Settings, tmp_path: Path) -> Settings:
    shutil.copytree(drawn.home, tmp_path / "home")
    return load_settings(home=tmp_path / "home", images={"tagger": "none"}, training=TRAINING)


def change_after(settings: Settings, moment: datetime) -> None:
    """Everything that was observed or published after a moment says something else."""
    with warehouse_of(settings) as connection:
        connection.execute(
            "UPDATE snapshots SET likes = views // 2, comments = 0, views = views * 3 "
            "WHERE observed_at > ?",
            [moment],
        )
        connection.execute(
            "UPDATE posts SET is_ad = NOT is_ad, text = 'x' WHERE published_at > ?", [moment]
        )


def content(trained: Trained) -> dict[str, Any]:
    """Every number of a bundle and of what it was when it was judged."""
    return {
        f"{kind} {name}": (
            model.coefficients.tobytes(),
            model.trees.get_leaf_values().tolist(),
            model.trees.get_borders(),
            model.calibration,
            model.variance,
            model.penalty,
        )
        for kind, models in (("final", trained.models), ("judged", trained.judged))
        for name, model in models.items()
    }


def backtest(settings: Settings, night: datetime) -> tuple[dict[str, Any], list[pl.DataFrame]]:
    """What a backtest of a night learns, and what it judges."""
    learnt: list[dict[str, Any]] = []
    judged: list[pl.DataFrame] = []

    def train(*arguments: Any) -> Trained:
        trained = backtesting_train(*arguments)
        learnt.append(content(trained))
        return trained

    def judge(chosen: pl.DataFrame, *arguments: Any) -> Any:
        judged.append(chosen)
        return backtesting_judge(chosen, *arguments)

    backtesting_train, backtesting_judge = backtesting.train, backtesting.judge_posts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtesting, "train", train)
        patch.setattr(backtesting, "judge_posts", judge)
        backtest_night.fn(settings, "b", night, NIGHT, 7)
    return learnt[0], judged


def test_a_backtest_learns_nothing_of_what_came_after_its_night(settings: Settings) -> None:
    night = NIGHT - timedelta(days=20)
    learnt, _ = backtest(settings, night)
    assert {"final like", "judged like"} <= set(learnt)
    change_after(settings, night)
    assert backtest(settings, night)[0] == learnt
    change_after(settings, night - timedelta(days=1))
    assert backtest(settings, night)[0] != learnt


def test_a_backtest_judges_the_posts_of_the_days_after_its_night_alone(settings: Settings) -> None:
    night = START + timedelta(days=80)  # at which a post was published
    _, (judged,) = backtest(settings, night)
    expected = [night + timedelta(hours=3 * number) for number in range(7 * 8)]
    assert judged["published_at"].to_list() == expected


def test_what_is_scored_is_what_would_be_predicted_when_all_is_known(settings: Settings) -> None:
    """Scoring and training read the same posts, weeks apart, and see the same."""
    night = NIGHT - timedelta(days=20)
    version = train_bundle.fn(settings, night).model_version
    assert "promoted" in decide_on_bundle.fn(settings, version, night)
    scoring.score_posts.fn(settings, night, "run")
    bundle = load_bundle(settings.models_directory, str(version))
    with labelled_posts(settings, NIGHT) as later:
        rows = pl.concat(list(later.read()))
    expected = {
        name: dict(zip(rows["post_id"], p, strict=True)) for name, p in bundle.predict(rows).items()
    }
    with warehouse_of(settings) as connection:
        scored = connection.execute(
            "SELECT post_id, activity, probability FROM predictions WHERE model_version = ?",
            [version],
        ).fetchall()
    assert len(scored) == 2 * (30 * 8 + 1)
    for post_id, activity, probability in scored:
        assert probability == pytest.approx(expected[activity][post_id], rel=1e-5)


def test_each_activity_is_predicted_by_its_own_model(settings: Settings) -> None:
    """On disk and back, whatever their order: the two go in opposite directions here."""
    version = str(train_bundle.fn(settings, NIGHT).model_version)
    bundle = load_bundle(settings.models_directory, version)
    with labelled_posts(settings, NIGHT) as later:
        rows = pl.concat(list(later.read()))
        outcomes = later.outcomes
    assert set(bundle.models) == {"like", "comment"}
    for name, p in bundle.predict(rows).items():
        rate = pl.col("count") / pl.col("exposures")
        known = rows.select("post_id").join(
            outcomes.filter(activity=name).select("post_id", rate=rate),
            on="post_id",
            how="left",
            maintain_order="left",
        )
        assert np.corrcoef(p, known["rate"])[0, 1] > 0.5, name


def spoil_likes(monkeypatch: pytest.MonkeyPatch, module: Any) -> None:
    """Let the model of likes be wrong about every post."""

    def train_badly(*arguments: Any) -> Trained:
        trained = train(*arguments)
        wrong = np.full(len(trained.predictions["like"]), 0.9)
        return replace(trained, predictions={**trained.predictions, "like": wrong})

    train = module.train
    monkeypatch.setattr(module, "train", train_badly)


def test_a_weak_model_costs_a_night_its_activity_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_likes(monkeypatch, training)
    version = str(train_bundle.fn(settings, NIGHT).model_version)
    bundle = load_bundle(settings.models_directory, version)
    assert set(bundle.models) == {"comment"}
    assert "worse than the owner's rate" in bundle.manifest.skipped["like"]
    assert "promoted" in decide_on_bundle.fn(settings, version, NIGHT)


def test_a_backtest_drops_the_models_that_its_night_would_have_dropped(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[set[str]] = []

    def predict(recipe: Any, fitted: dict[str, Any], rows: pl.DataFrame) -> Any:
        used.append(set(fitted))
        return predict_posts(recipe, fitted, rows)

    spoil_likes(monkeypatch, backtesting)
    monkeypatch.setattr(backtesting, "predict_posts", predict)
    backtest_night.fn(settings, "b", NIGHT - timedelta(days=20), NIGHT, 7)
    assert used == [{"comment"}]


def test_a_champion_is_compared_on_posts_alone_that_it_has_not_learnt_from(
    settings: Settings,
) -> None:
    night = NIGHT - timedelta(days=20)
    version = str(train_bundle.fn(settings, night).model_version)
    decide_on_bundle.fn(settings, version, night)
    until = load_bundle(settings.models_directory, version).manifest.trained_on_to
    with labelled_posts(settings, NIGHT) as known:
        published = pl.concat(list(known.read()))["published_at"]
        predicted = _predict_with(settings, NIGHT, version, known)["like"]
        # With vectors of another encoder tonight, those of the champion are read again.
        others = replace(known, inputs=replace(known.inputs, encoder_id="another"))
        read_again = _predict_with(settings, NIGHT, version, others)["like"]
    np.testing.assert_array_equal(predicted, read_again)
    assert until == published.filter(published <= night - MATURE).max()
    np.testing.assert_array_equal(np.isnan(predicted), (published <= until).to_numpy())


def test_a_bundle_is_compared_with_the_champion_of_four_weeks_ago_too(settings: Settings) -> None:
    versions: list[str] = []
    for days in (40, 10):
        night = NIGHT - timedelta(days=days)
        versions.append(str(train_bundle.fn(settings, night).model_version))
        with warehouse_of(settings) as connection:
            models.decide(
                connection, versions[-1], promoted=True, reason="for the test", decided_at=night
            )
    metrics = (AGAINST_CHAMPION, AGAINST_EARLIER)
    assert _incumbents(settings, NIGHT - timedelta(days=20)) == {AGAINST_CHAMPION: versions[0]}
    assert _incumbents(settings, NIGHT) == dict(zip(metrics, reversed(versions), strict=True))
    newest = str(train_bundle.fn(settings, NIGHT).model_version)
    with warehouse_of(settings) as connection:
        found = models.read_metrics(connection, newest)
    told = found.filter(pl.col("activity") == "all", pl.col("metric").is_in(metrics))
    assert sorted(told["metric"]) == sorted(metrics)
    assert (told["low"] <= told["value"]).all() and (told["value"] <= told["high"]).all()


def test_counts_of_the_future_are_in_no_fingerprint_and_those_of_the_past_are(
    settings: Settings,
) -> None:
    night = NIGHT - timedelta(days=20)
    before = training_fingerprint(settings, night)
    change_after(settings, night)
    assert training_fingerprint(settings, night) == before
    change_after(settings, night - timedelta(days=1))
    assert training_fingerprint(settings, night) != before


def test_similar_posts_tell_what_was_known_of_them_first(settings: Settings) -> None:
    """A post that appeared between two counts of a similar one knew the first of them."""

    def first_counts() -> tuple[pl.DataFrame, list[int]]:
        with labelled_posts(settings, NIGHT) as known:
            recipe, _ = known.prepare(settings)
        assert recipe.features.neighbours is not None
        return known.first_counts.sort("post_id"), recipe.features.neighbours.known_at.tolist()

    before = first_counts()
    numbers = before[0]["post_id"].to_list()  # all but advertisements, which tell nothing
    moments = [START + timedelta(hours=3 * number) + MATURE for number in numbers]
    assert before[0]["moment"].to_list() == moments and len(before[1]) == len(moments) > 100
    with warehouse_of(settings) as connection:
        connection.execute(
            "UPDATE snapshots SET likes = views // 2 FROM posts "
            "WHERE posts.post_id = snapshots.post_id AND observed_at > published_at + ?",
            [MATURE],
        )
    after = first_counts()
    assert after[0].equals(before[0]) and after[1] == before[1]


def test_rates_without_a_champion_are_those_of_the_owners_past(settings: Settings) -> None:
    """Scored on the night, or computed when all is known: the same rates."""
    night = NIGHT - timedelta(days=20)
    scoring.score_posts.fn(settings, night, "run")
    with warehouse_of(settings, night) as connection:
        features.select_labelled_posts(connection, START)
        priors = scoring._priors(connection, read_inputs(connection))
    with warehouse_of(settings) as connection:
        scored = connection.execute(
            "SELECT post_id, probability FROM predictions WHERE activity = 'like' ORDER BY 1"
        ).fetchall()
        window = (night - timedelta(days=30), night)
        features.select_published_between(connection, *window)
        rows = pl.concat(list(selected_posts(connection, read_inputs(connection))))
    expected = scoring.rates_table(rows, priors).filter(activity="like").sort("post_id")
    assert [post_id for post_id, _ in scored] == expected["post_id"].to_list()
    np.testing.assert_allclose([p for _, p in scored], expected["probability"])


def test_predictions_do_not_depend_on_the_posts_beside_them(settings: Settings) -> None:
    version = str(train_bundle.fn(settings, NIGHT).model_version)
    bundle: Bundle = load_bundle(settings.models_directory, version)
    with labelled_posts(settings, NIGHT) as known:
        rows = pl.concat(list(known.read())).tail(40)
    whole = predict_posts(bundle.recipe, bundle.models, rows)["like"]
    single = [bundle.predict(row)["like"][0] for row in rows.iter_slices(1)]
    np.testing.assert_allclose(single, whole, rtol=1e-5)
