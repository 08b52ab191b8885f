import numpy as np
import pytest

from vkflow.modelling.weights import (
    effective_sample_sizes,
    information,
    intraclass_correlation,
    relative_variance,
)


@pytest.mark.parametrize("correlation", [0.002, 0.02, 0.1])
def test_planted_overdispersion_is_found(correlation: float) -> None:
    # given: beta-binomial counts, whose correlation is 1 / (a + b + 1)
    generator = np.random.default_rng(0)
    total = 1 / correlation - 1
    exposures = generator.integers(200, 5_000, size=4_000).astype(float)
    rates = generator.beta(0.05 * total, 0.95 * total, size=4_000)
    counts = generator.binomial(exposures.astype(int), rates).astype(float)
    assert intraclass_correlation(counts, exposures) == pytest.approx(correlation, rel=0.2)


def test_binomial_counts_are_not_overdispersed() -> None:
    generator = np.random.default_rng(1)
    exposures = generator.integers(200, 5_000, size=4_000).astype(float)
    counts = generator.binomial(exposures.astype(int), 0.05).astype(float)
    assert intraclass_correlation(counts, exposures) < 0.0005


def test_a_viral_post_is_not_a_million_observations() -> None:
    np.testing.assert_allclose(
        effective_sample_sizes(np.array([1.0, 1e6]), 0.02), [1, 50], rtol=0.01
    )
    np.testing.assert_allclose(effective_sample_sizes(np.array([7.0]), 0.0), [7])


@pytest.mark.parametrize("variance", [0.05, 0.3])
def test_planted_relative_variance_is_found_among_unequal_posts(variance: float) -> None:
    # given: rates spread around expectations that differ tenfold, from posts of all sizes
    generator = np.random.default_rng(2)
    expected = generator.choice([0.005, 0.02, 0.05], size=6_000)
    exposures = np.exp(generator.uniform(4, 10, size=6_000)).round()
    rates = expected * generator.gamma(1 / variance, variance, size=6_000)
    counts = generator.binomial(exposures.astype(int), rates.clip(0, 1)).astype(float)
    assert relative_variance(counts, exposures, expected) == pytest.approx(variance, rel=0.15)


def test_rates_as_expected_have_no_relative_variance() -> None:
    generator = np.random.default_rng(3)
    exposures = np.full(4_000, 500.0)
    counts = generator.binomial(500, 0.05, size=4_000).astype(float)
    assert relative_variance(counts, exposures, np.full(4_000, 0.05)) < 0.01


def test_a_post_is_worth_its_views_until_its_own_rate_is_known() -> None:
    views = np.array([1.0, 1e3, 1e7])
    np.testing.assert_allclose(information(views, np.full(3, 0.01), 0.0), views)
    np.testing.assert_allclose(
        information(views, np.full(3, 0.01), 0.25), [1, 1e3 / 3.5, 400], rtol=0.01
    )
