from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from vkflow.modelling.splits import GAP, TEST, TRAIN, VALIDATION, split_posts

START = datetime(2026, 1, 1, tzinfo=UTC)
GAP_LENGTH = timedelta(hours=72)


def posts(hours: list[int | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "owner_id": [-1] * len(hours),
            "post_id": range(len(hours)),
            "published_at": [None if h is None else START + timedelta(hours=h) for h in hours],
        },
        schema_overrides={"published_at": pl.Datetime("us", "UTC")},
    )


def split(frame: pl.DataFrame) -> pl.Series:
    return split_posts(frame, gap=GAP_LENGTH, validation_share=0.15, test_share=0.15)


@given(st.lists(st.integers(0, 3_000), min_size=30, max_size=120))
def test_splits_follow_time_with_a_gap_between_them(hours: list[int]) -> None:
    frame = posts(list(hours)).with_columns(split(posts(list(hours))))
    spans = {
        name: (part["published_at"].min(), part["published_at"].max())
        for (name,), part in frame.group_by("split")
    }
    order = [spans[name] for name in (TRAIN, VALIDATION, TEST) if name in spans]
    for (_, earlier_end), (later_start, _) in pairwise(order):
        assert later_start - earlier_end > GAP_LENGTH
    assert TEST in spans


def test_shares_are_as_asked_for() -> None:
    sizes = dict(split(posts(list(range(10_000)))).value_counts().iter_rows())
    assert sizes[TEST] == 1_500
    assert abs(sizes[VALIDATION] - 0.15 * (8_500 - 72)) < 3
    assert sizes[GAP] == 2 * 72


def test_undated_posts_split_by_their_key_and_stay_where_they_are() -> None:
    few, many = posts([None] * 400), posts([None] * 2_000)
    assert split(few).to_list() == split(many).to_list()[:400]
    sizes = dict(split(many).value_counts().iter_rows())
    assert abs(sizes[TEST] - 300) < 60 and abs(sizes[VALIDATION] - 255) < 60
    assert GAP not in sizes


def test_dated_and_undated_posts_can_be_mixed() -> None:
    mixed = split(posts([None] * 50 + list(range(0, 5_000, 50))))
    assert mixed.null_count() == 0
    assert mixed[-1] == TEST
