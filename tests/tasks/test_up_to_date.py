"""When a night has nothing to do, and what makes it work again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from tasks.pulling import pull_posts
from tasks.step import warehouse_of
from tasks.up_to_date import is_up_to_date, mark_up_to_date
from vkflow.settings import Settings, load_settings

AS_OF = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home after a night, with one post 20 days old and one of yesterday."""
    ages = [20, 1]
    pl.DataFrame(
        {
            "owner_id": [-1, -1],
            "post_id": [1, 2],
            "published_at": [AS_OF - timedelta(days=age) for age in ages],
            "observed_at": [AS_OF - timedelta(hours=12)] * 2,
            "text": ["старый", "новый"],
            "photo": ["", ""],
            **{name: [100, 100] for name in ("view", "like", "comment", "hide", "expand")},
            **{name: [1, 1] for name in ("open_photo", "open", "share_to_message")},
        }
    ).write_parquet(tmp_path / "posts.parquet")
    settings = settings_with(tmp_path)
    pull_posts.fn(settings, AS_OF)
    (settings.models_directory / "champion-1").mkdir(parents=True)
    for file in (settings.snapshot_file, settings.reports_directory / "2026-11-02.html"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    mark_up_to_date(settings, AS_OF)
    return settings


def settings_with(folder: Path, **more: object) -> Settings:
    return load_settings(
        home=folder / "home",
        source="dataset",
        dataset={"path": folder / "posts.parquet"},
        **{"images": {"tagger": "none"}, **more},
    )


def test_nothing_new_is_up_to_date_a_moment_later_too(settings: Settings) -> None:
    assert is_up_to_date(settings, AS_OF)
    assert is_up_to_date(settings, AS_OF + timedelta(minutes=10))


def test_a_home_without_a_night_is_not_up_to_date(tmp_path: Path) -> None:
    assert not is_up_to_date(settings_with(tmp_path), AS_OF)


@pytest.mark.parametrize(
    "later",
    [
        AS_OF + timedelta(hours=10),  # another date, another report
        AS_OF - timedelta(hours=13),  # a count that was not known yet
        AS_OF + timedelta(days=10),  # a post leaves the scoring window
    ],
)
def test_time_alone_can_bring_work(settings: Settings, later: datetime) -> None:
    assert not is_up_to_date(settings, later)


def change_post(settings: Settings) -> None:
    with warehouse_of(settings) as connection:
        connection.execute("UPDATE posts SET text = text || '!' WHERE post_id = 1")


def add_snapshot(settings: Settings) -> None:
    with warehouse_of(settings) as connection:
        connection.execute(
            "INSERT INTO snapshots BY NAME SELECT * REPLACE (observed_at - INTERVAL 1 HOUR "
            "AS observed_at) FROM snapshots WHERE post_id = 2"
        )


def lose_vector(settings: Settings) -> None:
    with warehouse_of(settings) as connection:
        connection.execute("INSERT INTO text_embeddings VALUES ('a', 'b', [1.0], 1, false)")


@pytest.mark.parametrize(
    "change",
    [
        change_post,
        add_snapshot,
        lose_vector,
        lambda settings: settings.snapshot_file.unlink(),
        lambda settings: (settings.reports_directory / "2026-11-02.html").unlink(),
        lambda settings: (settings.models_directory / "champion-1").rmdir(),
    ],
    ids=["post", "counts", "vector", "snapshot", "report", "bundle"],
)
def test_any_change_brings_work(settings: Settings, change: Callable[[Settings], None]) -> None:
    change(settings)
    assert not is_up_to_date(settings, AS_OF)


def test_another_setting_brings_work(settings: Settings, tmp_path: Path) -> None:
    assert is_up_to_date(settings_with(tmp_path), AS_OF)
    assert not is_up_to_date(settings_with(tmp_path, training={"iterations": 7}), AS_OF)


def test_other_weights_in_the_same_folder_bring_work(settings: Settings, tmp_path: Path) -> None:
    weights = tmp_path / "encoder" / "model.safetensors"
    weights.parent.mkdir()
    weights.write_bytes(b"1")
    with_encoder = settings_with(tmp_path, text={"encoder": str(weights.parent)})
    mark_up_to_date(with_encoder, AS_OF)
    assert is_up_to_date(with_encoder, AS_OF)
    weights.write_bytes(b"22")
    assert not is_up_to_date(with_encoder, AS_OF)
