"""What advice is adjusted for, and the placebo that keeps all of it."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from tests.fakes.advised_worlds import feature_rows
from vkflow.insights.confounders import StudiedPosts, study_posts
from vkflow.modelling import reducers
from vkflow.sample.settings import MOSCOW
from vkflow.sample.world import draw_world

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return feature_rows(draw_world(600, until=UNTIL, n_owners=5).posts)


def studied(rows: pl.DataFrame) -> StudiedPosts:
    return study_posts(lambda: rows.iter_slices(100), MOSCOW, {}, min_posts=20)


def test_a_placebo_deals_levers_anew_within_each_month_of_an_owner(rows: pl.DataFrame) -> None:
    posts = studied(rows)
    placebo = posts.shuffled(0)
    for name, lever in posts.levers.items():
        dealt = placebo.levers[name].codes
        before, after = (
            Counter(zip(posts.groups.month, codes, strict=True)) for codes in (lever.codes, dealt)
        )
        assert before == after
    emoji = posts.levers["emoji"].codes
    assert (placebo.levers["emoji"].codes != emoji).mean() > 0.1
    assert placebo.confounders is posts.confounders


def test_a_placebo_keeps_the_levers_of_a_post_together(rows: pl.DataFrame) -> None:
    posts = studied(rows)
    placebo = posts.shuffled(0)

    def whole(some: StudiedPosts) -> list[tuple[int, ...]]:
        columns = [lever.codes for lever in some.levers.values()]
        return sorted(map(tuple, np.column_stack(columns).tolist()))

    assert whole(placebo) == whole(posts)
    names = posts.levers["emoji"].levels
    codes = placebo.levers["emoji"].codes
    told = [None if code < 0 else names[code] for code in codes]
    assert placebo.seen["emoji"].to_list() == told


def test_posts_without_a_date_have_no_curve_and_a_month_of_their_own(rows: pl.DataFrame) -> None:
    undated = rows.with_columns(
        published_at=pl.when(pl.int_range(pl.len()) % 2 == 0).then("published_at")
    )
    posts, dated = studied(undated), studied(rows)
    assert np.isfinite(posts.confounders).all()
    assert posts.confounders.shape == dated.confounders.shape
    without = posts.groups.month[1::2]
    assert len(np.unique(without)) == len(posts.owner_ids)
    assert not set(without) & set(posts.groups.month[::2])
    none = studied(rows.with_columns(published_at=pl.lit(None, rows.schema["published_at"])))
    assert none.confounders.shape[1] < dated.confounders.shape[1]


def test_topics_are_fitted_on_posts_of_all_times(
    rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vkflow.insights.confounders.FIT_ROWS", 50)
    fitted: list[np.ndarray] = []

    def watch(vectors: np.ndarray, components: int) -> reducers.Reducer:
        fitted.append(vectors)
        return reducers.fit_reducer(vectors, components)

    monkeypatch.setattr("vkflow.insights.confounders.fit_reducer", watch)
    marked = rows.with_columns(
        text_embedding=pl.concat_list(pl.int_range(pl.len()).cast(pl.Float64), *([pl.lit(0.0)] * 3))
    )

    def chunks() -> Iterator[pl.DataFrame]:
        return marked.iter_slices(100)

    study_posts(chunks, MOSCOW, {}, min_posts=20)
    (vectors,) = fitted
    assert vectors[:, 0].tolist() == list(range(0, len(rows), 16))
