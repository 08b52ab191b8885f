"""Do intervals of drafts hold what they say, on sample worlds, whose truth is known?"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from flows.sampling import ensure_sample
from tasks import texts as texts_task
from tasks import training
from tasks.pictures import tag_pictures
from tasks.pulling import pull_posts
from tasks.selected_posts import selected_posts
from tasks.step import warehouse_of
from tasks.training import train_bundle
from tests.fakes.hashed_words import HashedWords
from vkflow.drafts.contrasts import OTHER_CONTENT, contrast, uncertain_logits
from vkflow.drafts.forecast import intervals
from vkflow.drafts.hours import forecast_week, hours_from
from vkflow.modelling.bundles import Bundle, load_bundle
from vkflow.modelling.metrics import logits
from vkflow.modelling.training_set import align_outcomes
from vkflow.sample.truth import read_effects, read_oracle
from vkflow.settings import Settings, load_settings
from warehouse import features

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
NIGHT = UNTIL - timedelta(days=30)
SEEDS = range(4)


def trained(
    home: Path, seed: int, night: datetime, *, null: bool = False, tagger: str = "none"
) -> tuple[Settings, Bundle]:
    """A home with a sample world, and what is learnt of it at a night."""
    ensure_sample(home / "sample", 3_000, until=UNTIL, seed=seed, null=null)
    settings = load_settings(home=home, images={"tagger": tagger}, training={"threads": 1})
    pull_posts.fn(settings, UNTIL)
    texts_task.compute_text_statistics.fn(settings)
    texts_task.embed_texts.fn(settings)
    if tagger != "none":
        tag_pictures.fn(settings)
    version = train_bundle.fn(settings, night).model_version
    return settings, load_bundle(settings.models_directory, str(version))


def coverage(home: Path, seed: int) -> tuple[dict[str, float], dict[str, int]]:
    """Share of later posts whose rates their intervals hold, and their number, by activity."""
    settings, bundle = trained(home, seed, NIGHT)
    with warehouse_of(settings) as connection:
        features.select_published_between(connection, NIGHT, UNTIL)
        rows = pl.concat(list(selected_posts(connection, bundle.manifest)))
        counts, exposures = align_outcomes(rows, features.read_selected_outcomes(connection))
    held, known = {}, {}
    for activity, probabilities in bundle.predict(rows).items():
        low, high = intervals(bundle.manifest.spreads[activity], probabilities, rows)
        rate = counts[activity] / exposures[activity]
        told = ~np.isnan(rate)
        held[activity] = float(((low <= rate) & (rate <= high))[told].mean())
        known[activity] = int(told.sum())
    return held, known


@pytest.fixture(autouse=True)
def _quick_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts_task, "load_encoder", lambda _settings: HashedWords())
    monkeypatch.setattr(training, "emit_event", lambda **_: None)


@pytest.mark.slow
def test_intervals_hold_nine_in_ten_posts_that_come_later(tmp_path: Path) -> None:
    found = [coverage(tmp_path / str(seed), seed) for seed in SEEDS]
    means = [np.mean(list(held.values())) for held, _ in found]
    assert all(min(known.values()) > 400 for _, known in found)
    assert 0.88 < np.mean(means) < 0.92
    assert min(means) > 0.86 and max(means) < 0.94
    for activity in found[0][0]:
        assert 0.86 < np.mean([held[activity] for held, _ in found]) < 0.94, activity


def any_row(settings: Settings, bundle: Bundle) -> pl.DataFrame:
    """What is known of one post, which stands for a draft."""
    with warehouse_of(settings) as connection:
        features.select_published_between(connection, NIGHT, UNTIL)
        return next(iter(selected_posts(connection, bundle.manifest)))[0]


def calendar_truth(settings: Settings, activity: str, moments: pl.Series) -> np.ndarray:
    """Planted effects of hour and weekday on the logit, by Moscow time."""
    effects = read_effects(settings.sample_directory).filter(activity=activity)
    local = moments.dt.convert_time_zone("Europe/Moscow")
    total = np.zeros(len(moments))
    for kind, levels in (
        ("hour", local.dt.hour().cast(pl.String)),
        ("weekday", local.dt.to_string("%A").str.to_lowercase()),
    ):
        known = effects.filter(kind=kind).select("level", "effect")
        total += levels.replace_strict(*known.get_columns(), return_dtype=pl.Float64).to_numpy()
    return total


@pytest.mark.slow
def test_differences_between_hours_hold_the_planted_ones(tmp_path: Path) -> None:
    held, right = [], []
    for seed in SEEDS:
        settings, bundle = trained(tmp_path / str(seed), seed, UNTIL)
        row = any_row(settings, bundle)
        week = [UNTIL + timedelta(hours=hour) for hour in range(168)]
        moments = pl.Series("published_at", week, dtype=row["published_at"].dtype)
        rows = row.drop("published_at").join(pl.DataFrame(moments), how="cross").select(row.columns)
        told = uncertain_logits(bundle, rows)
        assert len(told) >= 5
        for activity in told:
            truth = calendar_truth(settings, activity, moments)
            for place in range(1, 168):
                (found,) = contrast({activity: told[activity]}, 0, place)
                difference = truth[place] - truth[0]
                held.append(found.low <= difference <= found.high)
                if found.is_evident:
                    right.append(found.effect * difference > 0)
    assert np.mean(held) > 0.9
    assert len(right) > 50 and np.mean(right) > 0.95


@pytest.mark.slow
def test_differences_between_posts_of_a_wall_hold_the_true_ones(tmp_path: Path) -> None:
    settings, bundle = trained(tmp_path, 12, NIGHT, tagger="sample")
    with warehouse_of(settings) as connection:
        features.select_published_between(connection, NIGHT, UNTIL)
        rows = pl.concat(list(selected_posts(connection, bundle.manifest))).sort("owner_id")
    oracle = read_oracle(settings.sample_directory)
    held, right = [], []
    for activity, told in uncertain_logits(bundle, rows).items():
        of_activity = oracle.filter(activity=activity)
        keys = rows.select("owner_id", "post_id")
        joined = keys.join(of_activity, on=keys.columns, how="left", maintain_order="left")
        truth, owners = logits(joined["oracle"].to_numpy()), rows["owner_id"]
        for second in range(1, len(rows)):
            if owners[second] != owners[second - 1]:
                continue
            (found,) = contrast({activity: told}, second - 1, second, widened=OTHER_CONTENT)
            difference = truth[second] - truth[second - 1]
            held.append(found.low <= difference <= found.high)
            if found.is_evident:
                right.append(found.effect * difference > 0)
    assert 0.9 < np.mean(held) < 0.99
    assert len(right) > 500 and np.mean(right) > 0.97


@pytest.mark.slow
def test_where_no_hour_matters_hardly_any_week_has_an_evident_one(tmp_path: Path) -> None:
    found = []
    for seed in SEEDS:
        settings, bundle = trained(tmp_path / str(seed), seed, UNTIL, null=True)
        week = forecast_week(
            bundle, any_row(settings, bundle), hours_from(UNTIL, ZoneInfo("Europe/Moscow"))
        )
        found += [any(each.is_evident) for each in week.activities]
    assert sum(found) <= max(1, 0.1 * len(found))
