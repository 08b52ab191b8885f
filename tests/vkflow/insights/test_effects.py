"""The estimate and its certainty, on posts whose truth is known because it was written here."""

from dataclasses import fields, replace

import numpy as np
import pytest

from vkflow.insights import effects
from vkflow.insights.effects import Clusters, Sums, log_ratios, sum_by_cluster
from vkflow.insights.inference import (
    CONFIDENCE,
    FEW_OWNERS,
    change_interval,
    dealt_clusters,
    degrees_of_freedom,
    estimate,
    owner_clusters,
    q_values,
    selection_adjusted_error,
)
from vkflow.insights.responses import outcomes_of

OWNERS, N = 40, 8_000
BASE, RATIO = 0.02, 1.3


def by_owner(owner: np.ndarray) -> Clusters:
    return Clusters(owner, np.zeros(1, dtype=np.int64), OWNERS)


class Posts:
    """Posts of eager owners have questions oftener, and get more whatever they ask."""

    def __init__(self, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self.owner = generator.integers(0, OWNERS, N)
        eager = self.owner % 2 == 0
        self.asks = np.where(eager, 0.7, 0.2)
        self.code = (generator.random(N) < self.asks).astype(np.int64)
        self.usual = BASE * np.where(eager, 2.0, 1.0)
        true = self.usual * RATIO**self.code * generator.lognormal(-0.08, 0.4, N)
        views = generator.integers(1_000, 20_000, N)
        counts = generator.binomial(views, true).astype(float)
        self.outcomes = outcomes_of(counts, views.astype(float))

    def sums(self, responses: np.ndarray, asks: np.ndarray):
        propensities = np.column_stack([1 - asks, asks])
        return sum_by_cluster(
            self.outcomes, responses, propensities, self.code, by_owner(self.owner)
        )

    @property
    def right_responses(self) -> np.ndarray:
        return np.column_stack([self.usual, self.usual * RATIO])

    @property
    def wrong_responses(self) -> np.ndarray:
        """Of somebody who sees neither the owner nor an effect."""
        return np.full((N, 2), BASE)


@pytest.fixture(scope="module")
def posts() -> Posts:
    return Posts()


def test_a_comparison_without_adjustment_would_be_wrong(posts: Posts) -> None:
    """Otherwise the next two tests would show nothing."""
    rates = posts.outcomes.rates
    assert rates[posts.code == 1].mean() / rates[posts.code == 0].mean() > RATIO + 0.3


def test_it_is_right_where_only_the_propensity_is(posts: Posts) -> None:
    found, _ = log_ratios(posts.sums(posts.wrong_responses, posts.asks))
    assert np.exp(found[0, 1]) == pytest.approx(RATIO, abs=0.05)


def test_it_is_right_where_only_the_response_is(posts: Posts) -> None:
    nobody_knows = np.full(N, posts.asks.mean())
    found, _ = log_ratios(posts.sums(posts.right_responses, nobody_knows))
    assert np.exp(found[0, 1]) == pytest.approx(RATIO, abs=0.05)


def test_a_level_and_its_complement_are_two_sides_of_one_thing(posts: Posts) -> None:
    found, _ = log_ratios(posts.sums(posts.wrong_responses, posts.asks))
    assert found[0, 0] == pytest.approx(-found[0, 1])


def test_the_interval_holds_the_truth_and_a_real_effect_is_significant(posts: Posts) -> None:
    sums = posts.sums(posts.right_responses, posts.asks)
    found = estimate(sums)
    ends = found.log_ratio, found.error, found.freedom
    low, high = change_interval(*ends, 1 - CONFIDENCE)
    assert low[0, 1] < RATIO - 1 < high[0, 1]
    assert found.p_value[0, 1] < 1e-4
    assert low[0, 1] < np.expm1(found.log_ratio[0, 1]) < high[0, 1]
    wider = change_interval(*ends, 0.01)
    assert wider[0][0, 1] < low[0, 1] and wider[1][0, 1] > high[0, 1]


def test_the_error_is_that_of_a_bootstrap_over_clusters(posts: Posts) -> None:
    sums = posts.sums(posts.right_responses, posts.asks)
    generator = np.random.default_rng(0)
    arrays = [getattr(sums, each.name) for each in fields(Sums) if each.name != "starts"]
    drawn = [generator.integers(0, OWNERS, OWNERS) for _ in range(2_000)]
    again = [
        log_ratios(Sums(*(each[owners] for each in arrays), starts=sums.starts))[0][0, 1]
        for owners in drawn
    ]
    assert log_ratios(sums)[1][0, 1] == pytest.approx(np.std(again), rel=0.1)


def test_no_change_is_a_fall_by_more_than_all() -> None:
    low, high = change_interval(np.array([-3.0]), np.array([2.0]), np.array([5.0]), 0.001)
    assert -1 < low[0] < high[0]


def test_what_is_shown_by_choice_has_the_wider_interval_the_fewer_are_chosen() -> None:
    """Of 100 tests 10 are evident: 99.5 % each, so that 95 % of the ten hold the truth."""
    assert selection_adjusted_error(10, 100) == pytest.approx(0.005)
    assert selection_adjusted_error(100, 100) == pytest.approx(1 - CONFIDENCE)
    assert selection_adjusted_error(0, 0) == 0


def test_a_level_of_one_owner_is_not_judged(posts: Posts) -> None:
    posts = Posts()
    posts.code = ((posts.code == 1) & (posts.owner == 3)).astype(np.int64)
    sums = posts.sums(posts.right_responses, np.full(N, 0.01))
    alone = sum_by_cluster(
        posts.outcomes.of(np.flatnonzero(posts.owner == 3)),
        posts.right_responses[posts.owner == 3],
        np.full((int((posts.owner == 3).sum()), 2), 0.5),
        posts.code[posts.owner == 3],
        by_owner(posts.owner[posts.owner == 3]),
    )
    assert degrees_of_freedom(alone)[0, 1] == 1
    assert np.isnan(estimate(alone).p_value[0, 1])
    assert np.isfinite(log_ratios(sums)[0][0, 1])


def test_few_owners_are_cut_into_groups_of_posts() -> None:
    owner = np.repeat(np.arange(FEW_OWNERS - 1), 200)
    found = owner_clusters(owner, seed=0)
    assert found.n == 100 and found.starts.tolist() == [0]
    assert set(np.bincount(found.of_post)) == {14}


def test_many_owners_are_the_clusters() -> None:
    owner = np.array([5, 9, 1, 2, 3, 4, 6, 7, 5])
    found = owner_clusters(owner, seed=0)
    assert found.n == 8
    assert found.of_post[0] == found.of_post[-1] and len(set(found.of_post)) == 8


def test_posts_of_a_stratum_are_dealt_into_clusters_of_its_own() -> None:
    stratum = np.array([1, 0, 1, 1, 0] + [2] * 250)
    found = dealt_clusters(stratum, seed=0)
    assert found.starts.tolist() == [0, 2, 5] and found.n == 105
    assert set(found.of_post[stratum == 0]) == {0, 1}
    assert set(found.of_post[stratum == 1]) == {2, 3, 4}
    assert set(np.bincount(found.of_post[stratum == 2] - 5)) == {2, 3}


def test_strata_are_estimated_as_if_each_were_alone(posts: Posts) -> None:
    of_owner = dealt_clusters(posts.owner, seed=0)
    propensities = np.column_stack([1 - posts.asks, posts.asks])
    together = estimate(
        sum_by_cluster(posts.outcomes, posts.right_responses, propensities, posts.code, of_owner)
    )
    assert together.log_ratio.shape == (OWNERS, 2)
    rows = np.flatnonzero(posts.owner == 7)
    cluster = of_owner.of_post[rows] - of_owner.starts[7]
    part = Clusters(cluster, np.zeros(1, dtype=np.int64), int(cluster.max()) + 1)
    outcomes = replace(posts.outcomes.of(rows), mean=posts.outcomes.mean)
    alone = estimate(
        sum_by_cluster(
            outcomes, posts.right_responses[rows], propensities[rows], posts.code[rows], part
        )
    )
    for each in fields(alone):
        whole, one = getattr(together, each.name)[7], getattr(alone, each.name)[0]
        np.testing.assert_allclose(whole, one, rtol=1e-6)


def test_q_values_are_those_of_benjamini_and_hochberg() -> None:
    """The example of their paper of 1995, table 1: at 5 % the first four are significant."""
    p_values = np.array(
        [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
         0.5719, 0.6528, 0.7590, 1.0000]
    )  # fmt: skip
    assert (q_values(p_values) <= 0.05).sum() == 4


def test_what_was_not_tested_does_not_count_among_the_tests() -> None:
    found = q_values(np.array([0.01, np.nan, 0.5]))
    np.testing.assert_allclose(found, [0.02, np.nan, 0.5])


def test_sums_are_the_same_however_many_posts_are_summed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posts = Posts()
    whole = posts.sums(posts.right_responses, posts.asks)
    monkeypatch.setattr(effects, "POSTS_AT_ONCE", 37)
    in_parts = posts.sums(posts.right_responses, posts.asks)
    for field in fields(Sums):
        np.testing.assert_allclose(getattr(in_parts, field.name), getattr(whole, field.name))
