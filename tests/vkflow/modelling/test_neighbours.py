from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from vkflow.activities import ACTIVITY_NAMES
from vkflow.modelling.neighbours import (
    MEMORY_POSTS,
    NEAREST,
    PRIOR_POSTS,
    Matrix,
    Neighbours,
    align_first_counts,
    fit_neighbours,
)
from vkflow.modelling.owner_rates import RatePrior

START = datetime(2026, 1, 1, tzinfo=UTC)
PRIORS = {"like": RatePrior(0.02, 1e9)}
VIEWS = 1_000


def remember(
    components: Matrix,
    likes: list[int],
    hours: list[int | None],
    owners: list[int] | None = None,
) -> tuple[Neighbours, pl.DataFrame]:
    """Posts seen by 1,000 each, whose owners are known for nothing; their counts hours after START.

    Unless told, all are of owner 1.

    Returns:
        The neighbours, and the first counts they were fitted on.
    """
    n_posts = len(likes)
    moments = [None if hour is None else START + timedelta(hours=hour) for hour in hours]
    counted = pl.DataFrame(
        {
            "moment": pl.Series(moments, dtype=pl.Datetime("us", "UTC")),
            "like_count": likes,
            "like_exposures": [VIEWS] * n_posts,
        }
    )
    history = pl.DataFrame(
        {
            f"history_{activity}_{kind}": [0] * n_posts
            for activity in ACTIVITY_NAMES
            for kind in ("count", "exposures")
        }
    )
    training = np.full(n_posts, True)
    of = pl.Series(owners or [1] * n_posts, dtype=pl.Int64)
    return fit_neighbours(components, of, history, counted, PRIORS, training), counted


def at(*hours: float | None, owner: int = 1) -> pl.DataFrame:
    moments = [None if hour is None else START + timedelta(hours=hour) for hour in hours]
    published = pl.Series(moments, dtype=pl.Datetime("us", "UTC"))
    return pl.DataFrame({"published_at": published}).with_columns(pl.lit(owner).alias("owner_id"))


def towards(*angles: float) -> Matrix:
    return np.array([[np.cos(a), np.sin(a)] for a in angles], dtype=np.float32)


def test_similar_posts_that_did_well_lift_a_post() -> None:
    # given: texts in one direction get twice, those in another half of what is usual
    angles = [0.01 * number for number in range(60)]
    components = np.concatenate([towards(*angles), -towards(*angles)])
    neighbours, _ = remember(components, [40] * 60 + [10] * 60, [0] * 120)
    # when
    lifts = neighbours.lifts(np.concatenate([towards(0.3), -towards(0.3)]), at(1, 1))
    # then
    assert 0.5 < lifts[0, 0] < np.log(2)
    assert -np.log(2) < lifts[1, 0] < -0.3


def test_lift_is_that_of_the_formula() -> None:
    neighbours, _ = remember(towards(0, np.pi / 2), [40, 10], [0, 0])
    lift = neighbours.lifts(towards(0), at(1))[0, 0]
    weights = np.exp((np.array([1.0, 0.0]) - 1.0) / 0.1)
    got, expected = (weights @ values[:, 0] for values in (neighbours.got, neighbours.expected))
    prior = PRIOR_POSTS * np.median(neighbours.expected)
    assert lift == pytest.approx(np.log((got + prior) / (expected + prior)), rel=1e-4)


def test_counts_that_became_known_later_are_no_neighbours() -> None:
    components = towards(*[0.0] * 80)
    neighbours, _ = remember(components, [40] * 40 + [1] * 40, [0] * 40 + [10] * 40)
    changed, _ = remember(components, [40] * 40 + [999] * 40, [0] * 40 + [10] * 40)
    for hours in (0, 5, 10):
        before, after = (n.lifts(towards(0), at(hours)) for n in (neighbours, changed))
        assert before[0, 0] == pytest.approx(after[0, 0], abs=0.15) if hours else not before[0, 0]
    assert neighbours.lifts(towards(0), at(11))[0, 0] < changed.lifts(towards(0), at(11))[0, 0] - 1


def test_post_is_not_its_own_neighbour() -> None:
    """Its counts become known after it appeared."""
    neighbours, _ = remember(towards(0), [900], [72])
    assert neighbours.lifts(towards(0), at(0))[0, 0] == 0


@pytest.mark.parametrize("hours", [None, -24])
def test_nothing_was_known_before_the_first_post_or_before_one_without_a_date(
    hours: float | None,
) -> None:
    neighbours, _ = remember(towards(0), [900], [0])
    assert not neighbours.lifts(towards(0), at(hours)).any()


def test_own_posts_tell_of_their_owner_alone() -> None:
    # given: the same text got much on wall 1, and little on wall 2
    neighbours, _ = remember(towards(*[0.0] * 80), [80, 5] * 40, [0] * 80, [1, 2] * 40)
    # when
    first, second, third = (
        neighbours.lifts(towards(0), at(1, owner=owner))[0] for owner in (1, 2, 3)
    )
    # then
    assert first[0] == second[0] == third[0]
    assert first[1] > 0.8 and second[1] < -0.8 and third[1] == 0


def test_own_posts_known_later_are_not_told_of() -> None:
    neighbours, _ = remember(towards(0, 0), [20, 900], [0, 10], [1, 1])
    before, after = (neighbours.lifts(towards(0), at(hours))[0, 1] for hours in (5, 11))
    assert before == pytest.approx(0, abs=1e-4) and after > 1


def test_post_without_a_text_has_no_lift_and_lends_none() -> None:
    without_text = np.full((1, 2), np.nan, dtype=np.float32)
    neighbours, _ = remember(np.concatenate([without_text, towards(0)]), [900, 20], [0, 0])
    assert len(neighbours.known_at) == 1
    lifts = neighbours.lifts(np.concatenate([without_text, towards(0)]), at(1, 1))
    assert np.isnan(lifts[0]).all() and lifts[1, 0] == pytest.approx(0, abs=1e-5)


def test_posts_whose_counts_are_unknown_are_not_remembered() -> None:
    neighbours, _ = remember(towards(0, 0), [900, 20], [None, 0])
    assert len(neighbours.known_at) == 1


def test_only_the_nearest_posts_count() -> None:
    near, far = [0.0] * NEAREST, [0.3] * 500
    neighbours, _ = remember(towards(*near, *far), [20] * NEAREST + [900] * 500, [0] * 550)
    assert neighbours.lifts(towards(0), at(1))[0, 0] == pytest.approx(0, abs=1e-4)


def test_posts_as_near_as_the_last_one_count_in_any_order() -> None:
    likes = [5, 80] * 100
    lifts = [
        remember(towards(*[0.0] * 200), some, [0] * 200)[0].lifts(towards(0), at(1))[0, 0]
        for some in (likes, likes[::-1])
    ]
    assert lifts[0] == pytest.approx(lifts[1], abs=1e-5)


def test_memory_is_bounded_and_spread_over_time() -> None:
    n_posts = 2 * MEMORY_POSTS + 10
    angles = np.linspace(0, 6, n_posts)
    neighbours, counted = remember(towards(*angles), [20] * n_posts, list(range(n_posts)))
    assert MEMORY_POSTS / 2 < len(neighbours.known_at) <= MEMORY_POSTS
    newest = counted["moment"].dt.epoch("us")[-10]
    assert neighbours.known_at.max() >= newest


def test_first_counts_follow_the_posts() -> None:
    keys = pl.DataFrame({"owner_id": [1, 1, 2], "post_id": [3, 4, 3]})
    first = pl.DataFrame({"owner_id": [2, 1], "post_id": [3, 3], "like_count": [7, 8]})
    assert align_first_counts(keys, first)["like_count"].to_list() == [8, None, 7]
