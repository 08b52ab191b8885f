"""The counts of the sample world: growth with age, and the shape of the real data."""

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from vkflow.activities import ACTIVITIES, COUNT_COLUMNS
from vkflow.sample.world import World, draw_world

UNTIL = datetime(2026, 6, 1, tzinfo=UTC)
KEY = ["owner_id", "post_id"]
COUNTS = ("views", *COUNT_COLUMNS)
COLUMN = {"view": "views", **{activity.name: activity.count_column for activity in ACTIVITIES}}

# Of the 23,527 real posts vkflow began with; logs are log(count + 1).
CORRELATIONS = {
    ("view", "like"): 0.60,
    ("view", "comment"): 0.54,
    ("view", "hide"): 0.64,
    ("view", "expand"): 0.21,
    ("view", "open_photo"): 0.62,
    ("view", "open"): 0.58,
    ("view", "share_to_message"): 0.64,
    ("like", "share_to_message"): 0.63,
    ("like", "expand"): -0.10,
    ("comment", "open"): 0.56,
    ("expand", "open"): 0.58,
}
ZEROS = {
    "comment": 0.30,
    "hide": 0.26,
    "expand": 0.25,
    "open_photo": 0.03,
    "share_to_message": 0.14,
}
PEAKS = {"view": 8.6, "like": 4.7, "open_photo": 5.0, "open": 4.0}


@pytest.fixture(scope="module")
def world() -> World:
    return draw_world(10_000, until=UNTIL)


@pytest.fixture(scope="module")
def aged(world: World) -> pl.DataFrame:
    published = world.posts.select(*KEY, "published_at")
    hours = (pl.col("observed_at") - pl.col("published_at")).dt.total_seconds() / 3600
    return world.snapshots.join(published, on=KEY).with_columns(age=hours).sort(*KEY, "age")


@pytest.fixture(scope="module")
def logs(aged: pl.DataFrame) -> dict[str, np.ndarray]:
    labels = aged.filter(pl.col("age") >= 720).group_by(KEY, maintain_order=True).last()
    return {name: np.log1p(labels[column].to_numpy()) for name, column in COLUMN.items()}


@pytest.mark.parametrize("column", COUNTS)
def test_counts_never_shrink_with_age(aged: pl.DataFrame, column: str):
    assert aged.select((pl.col(column).diff().over(KEY).fill_null(0) >= 0).all()).item()


@pytest.mark.parametrize("column", COUNT_COLUMNS)
def test_counts_are_between_zero_and_the_views(aged: pl.DataFrame, column: str):
    assert aged.select(pl.col(column).is_between(0, pl.col("views")).all()).item()


def test_posts_are_seen_at_five_ages_as_far_as_the_world_goes(world: World, aged: pl.DataFrame):
    assert (world.snapshots["observed_at"] <= UNTIL).all()
    ages = aged.group_by(KEY, maintain_order=True).agg("age")["age"]
    old = ages.filter(ages.list.len() == 5)
    assert len(old) > 6_000
    bounds = [(24, 30), (72, 84), (168, 192), (336, 360), (720, 744)]
    for visit, (earliest, latest) in enumerate(bounds):
        assert (old.list.get(visit) >= earliest - 0.001).all()
        assert (old.list.get(visit) <= latest).all()


def test_posts_of_the_last_day_are_not_seen_yet(world: World):
    day_old = world.posts.filter(pl.col("published_at") > UNTIL - pl.duration(days=1))
    assert len(day_old) > 10
    assert len(day_old.join(world.snapshots, on=KEY)) == 0


@pytest.mark.parametrize(
    ("column", "day", "three_days"),
    [("views", (0.5, 0.6), (0.7, 0.8)), ("likes", (0.68, 0.8), (0.9, 0.96))],
)
def test_counts_grow_for_weeks_and_views_for_longer_than_likes(
    aged: pl.DataFrame, column: str, day: tuple[float, float], three_days: tuple[float, float]
):
    counts = aged.group_by(KEY, maintain_order=True).agg(column)[column]
    counts = counts.filter((counts.list.len() == 5) & (counts.list.last() > 100))
    for visit, (low, high) in enumerate((day, three_days)):
        assert (
            low
            < np.median(counts.list.get(visit).to_numpy() / counts.list.last().to_numpy())
            < high
        )


@pytest.mark.parametrize(("pair", "real"), CORRELATIONS.items())
def test_correlations_of_logs_are_within_0_12_of_the_real_ones(
    logs: dict[str, np.ndarray], pair: tuple[str, str], real: float
):
    assert abs(np.corrcoef(logs[pair[0]], logs[pair[1]])[0, 1] - real) < 0.12


@pytest.mark.parametrize(("name", "real"), ZEROS.items())
def test_shares_of_zeros_are_within_0_05_of_the_real_ones(
    logs: dict[str, np.ndarray], name: str, real: float
):
    assert abs((logs[name] == 0).mean() - real) < 0.05


@pytest.mark.parametrize(("name", "real"), PEAKS.items())
def test_peaks_of_logs_are_within_0_4_of_the_real_ones(
    logs: dict[str, np.ndarray], name: str, real: float
):
    assert abs(_peak(logs[name][logs[name] > 0]) - real) < 0.4


def test_views_begin_at_a_thousand_and_have_a_long_tail(logs: dict[str, np.ndarray]):
    assert 6.8 < logs["view"].min() < 7.1
    assert logs["view"].max() > 12


def test_few_comments_and_many_likes_at_most(logs: dict[str, np.ndarray]):
    assert (logs["comment"] < 4).mean() > 0.9
    assert 9 < logs["like"].max() < 11
    assert 6 < logs["share_to_message"].max() < 8.5


def test_reposts_are_a_little_more_frequent_than_messages(logs: dict[str, np.ndarray]):
    assert 0 < np.mean(logs["repost"]) - np.mean(logs["share_to_message"]) < 0.5


def test_expands_have_two_humps(logs: dict[str, np.ndarray]):
    density, _ = np.histogram(logs["expand"], bins=[0, 2, 3.5, 5, 8], density=True)
    low, _, valley, high = density
    assert low > high > valley


def _peak(values: np.ndarray) -> float:
    """The mode of a histogram smoothed with a Gaussian of 0.3."""
    density, edges = np.histogram(values, bins=280, range=(0, 14))
    kernel = np.exp(-(np.linspace(-1, 1, 41) ** 2) / 2 / 0.3**2)
    return float(edges[np.convolve(density, kernel, mode="same").argmax()])
