from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
import torch

from tests.fakes.first_counts import first_counts_of
from vkflow.activities import ACTIVITY_NAMES
from vkflow.text.statistics import text_statistics

N_POSTS = 1_500
CATEGORIES = ("cat", "dog")


def draw_posts(n_posts: int = N_POSTS, seed: int = 0) -> pl.DataFrame:
    """Rows as the warehouse gives them; likes depend on the owner, the text and the picture."""
    generator = np.random.default_rng(seed)
    owner = generator.integers(0, 20, n_posts)
    text = generator.normal(size=(n_posts, 8)).astype(np.float32)
    is_cat = generator.random(n_posts) < 0.5
    has_image = generator.random(n_posts) < 0.9
    effect = np.linspace(-1, 1, 20)[owner] + 0.8 * text[:, 0] + 0.7 * (is_cat & has_image)
    views = generator.lognormal(8, 0.7, n_posts).astype(int) + 50
    likes = generator.binomial(views, 1 / (1 + np.exp(3.5 - effect)))
    scores = np.where(is_cat[:, None], [[0.9, 0.1]], [[0.2, 0.8]]).astype(np.float32)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "owner_id": -1 - owner,
            "post_id": np.arange(n_posts),
            "published_at": [start + timedelta(hours=1.5 * hour) for hour in range(n_posts)],
            "has_image": has_image,
            "is_ad": False,
            "n_tokens": generator.integers(2, 100, n_posts),
            "text_embedding": pl.Series(text.tolist(), dtype=pl.List(pl.Float32)),
            "image_scores": pl.Series(scores.tolist(), dtype=pl.List(pl.Float32)),
            "image_category": np.where(is_cat, *CATEGORIES),
            "history_posts_count": generator.integers(0, 50, n_posts),
            "history_days_since_last_post": generator.random(n_posts),
            "views": views,
            "likes": likes,
        }
    )
    frame = frame.with_columns(
        pl.when("has_image").then("image_scores"),
        pl.when("has_image").then("image_category"),
        pl.lit(None, pl.List(pl.Float32)).alias("image_embedding"),
        pl.when("has_image").then(pl.lit(0.2)).cast(pl.Float32).alias("text_image_similarity"),
        (pl.col("history_posts_count") * 3_000).alias("history_views_count"),
    )
    statistics = text_statistics(pl.Series([f"слово {number}?" for number in range(n_posts)]))
    windows = {
        f"history_{kind}_{days}d_count": generator.integers(0, 9, n_posts)
        for kind in ("posts", "views")
        for days in (7, 30, 90)
    }
    frame = frame.with_columns(
        pl.Series("text_length", generator.integers(0, 500, n_posts)),
        pl.Series("history_mean_log_length", generator.random(n_posts)),
        pl.Series("history_mean_has_image", generator.random(n_posts)),
        pl.col("history_views_count").alias("history_recent_views_count"),
        *(pl.Series(name, values) for name, values in windows.items()),
    )
    past = pl.col("history_views_count")
    rate = pl.lit(1 / (1 + np.exp(3.5 - np.linspace(-1, 1, 20)[owner])))
    history = [
        expression
        for activity in ACTIVITY_NAMES
        for expression in (
            (past * rate).cast(pl.Int64).alias(f"history_{activity}_count"),
            past.alias(f"history_{activity}_exposures"),
            (past * rate * 0.2).cast(pl.Int64).alias(f"history_recent_{activity}_count"),
            (past * 0.2).cast(pl.Int64).alias(f"history_recent_{activity}_exposures"),
        )
    ]
    frame = frame.with_columns(text=what_posts_say(frame))
    return pl.concat([frame, statistics.drop("version")], how="horizontal").with_columns(history)


def what_posts_say(posts: pl.DataFrame) -> pl.Series:
    """The word "кот" where they have a cat, and something of their own."""
    return posts.select(
        pl.concat_str(
            pl.when(pl.col("image_category") == "cat")
            .then(pl.lit("кот и"))
            .otherwise(pl.lit("без")),
            pl.lit(" слово "),
            (pl.col("post_id") % 7).cast(pl.String),
        ).alias("text")
    )["text"]


@pytest.fixture
def torch_threads() -> Iterator[Callable[[int], None]]:
    """Sets the threads of torch, for as long as the test runs."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def posts() -> pl.DataFrame:
    return draw_posts()


@pytest.fixture(scope="session")
def outcomes(posts: pl.DataFrame) -> pl.DataFrame:
    return posts.select(
        "owner_id",
        "post_id",
        pl.lit("like").alias("activity"),
        pl.col("views").alias("exposures"),
        pl.col("likes").alias("count"),
    )


@pytest.fixture(scope="session")
def first_counts(posts: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    return first_counts_of(posts, outcomes)


@pytest.fixture(scope="session")
def texts(posts: pl.DataFrame) -> pl.Series:
    return posts["text"]
