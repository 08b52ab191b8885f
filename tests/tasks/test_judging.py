from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.sampling import ensure_sample
from tasks.judging import oracle_of
from tasks.pulling import pull_posts
from tasks.step import warehouse_of
from vkflow.settings import Settings, load_settings

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Sample posts were pulled, and then the setting was changed."""
    ensure_sample(tmp_path / "sample", 60, until=UNTIL, owners=5)
    pull_posts.fn(load_settings(home=tmp_path), UNTIL)
    return load_settings(home=tmp_path, source="dataset")


def test_truth_belongs_to_sample_posts_whatever_the_setting_says(settings: Settings) -> None:
    oracle = oracle_of(settings)
    with warehouse_of(settings) as connection:
        posts = set(connection.execute("SELECT owner_id, post_id FROM posts").fetchall())
    assert set(oracle.select("owner_id", "post_id").iter_rows()) == posts


def test_posts_of_another_source_have_no_truth(settings: Settings) -> None:
    with warehouse_of(settings) as connection:
        connection.execute("UPDATE posts SET source = 'dataset'")
    assert oracle_of(settings) is None
    assert oracle_of(load_settings(home=settings.home)) is None


def test_sample_whose_truth_is_gone_is_judged_without(settings: Settings) -> None:
    (settings.sample_directory / "truth" / "oracle.parquet").unlink()
    assert oracle_of(settings) is None
