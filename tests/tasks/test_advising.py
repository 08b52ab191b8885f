"""Advice through the real warehouse: labels as of a moment, a champion, the table."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from flows.sampling import ensure_sample
from tasks.advising import Advised, advise_authors
from tasks.publishing import publish_snapshot
from tasks.pulling import pull_posts
from tasks.step import warehouse_of
from tasks.texts import compute_text_statistics
from vkflow.settings import Settings, load_settings
from warehouse import models
from warehouse.insights import read_insights
from warehouse.publishing import read_snapshot

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
NO_METRICS = pl.DataFrame(
    schema={
        **dict.fromkeys(("activity", "split", "metric"), pl.String),
        **dict.fromkeys(("value", "low", "high"), pl.Float64),
    }
)


def pulled(home: Path, posts: int = 600, owners: int = 12) -> Settings:
    """Posts with statistics, but neither vectors nor pictures: both may be missing."""
    ensure_sample(home / "sample", posts, until=UNTIL, owners=owners)
    settings = load_settings(home=home)
    pull_posts.fn(settings, UNTIL)
    compute_text_statistics.fn(settings)
    return settings


def crown(settings: Settings, moment: datetime) -> None:
    """A champion by name: advice only says whose time it is of."""
    with warehouse_of(settings) as connection:
        models.write_model(
            connection,
            model_version="m1",
            created_at=moment,
            trained_on=(None, None),
            n_posts=1,
            manifest="{}",
            metrics=NO_METRICS,
        )
        models.decide(connection, "m1", promoted=True, reason="only one", decided_at=moment)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = pulled(tmp_path_factory.mktemp("advised"))
    crown(settings, UNTIL - timedelta(days=60))
    return settings


def stored(settings: Settings, as_of: datetime) -> pl.DataFrame:
    with warehouse_of(settings) as connection:
        return read_insights(connection, as_of).sort(pl.all())


def test_advice_is_stored_and_published(settings: Settings) -> None:
    advised = advise_authors.fn(settings, UNTIL)
    rows = stored(settings, UNTIL)
    assert advised.judged == len(rows) > 100
    assert set(rows["model_version"]) == {"m1"}
    assert set(rows["as_of"]) == {UNTIL}
    publish_snapshot.fn(settings)
    published = read_snapshot(settings.snapshot_file, "SELECT count(*) FROM insights")
    assert published.item() == advised.judged


def test_running_again_changes_nothing(settings: Settings) -> None:
    first = advise_authors.fn(settings, UNTIL), stored(settings, UNTIL)
    assert advise_authors.fn(settings, UNTIL) == first[0]
    assert stored(settings, UNTIL).equals(first[1])


def test_later_outcomes_do_not_change_earlier_advice(settings: Settings) -> None:
    night = UNTIL - timedelta(days=30)
    advise_authors.fn(settings, night)
    before = stored(settings, night)
    with warehouse_of(settings) as connection:
        connection.execute("CREATE TABLE kept AS FROM snapshots")
        connection.execute("UPDATE snapshots SET comments = views WHERE observed_at > ?", [night])
    try:
        advise_authors.fn(settings, night)
        assert stored(settings, night).equals(before)
    finally:
        with warehouse_of(settings) as connection:
            connection.execute("CREATE OR REPLACE TABLE snapshots AS FROM kept")
            connection.execute("DROP TABLE kept")


def test_without_a_champion_there_is_no_advice(settings: Settings) -> None:
    before = stored(settings, UNTIL - timedelta(days=61))
    assert advise_authors.fn(settings, UNTIL - timedelta(days=61)) == Advised()
    assert before.is_empty()


def test_without_labelled_posts_there_is_no_advice(tmp_path: Path) -> None:
    settings = pulled(tmp_path, posts=30, owners=2)
    crown(settings, UNTIL - timedelta(days=60))
    advised = advise_authors.fn(settings, UNTIL)
    assert advised.judged == 0 and advised.posts <= 30
    assert stored(settings, UNTIL).is_empty()
