import numpy as np
import pytest

from vkflow.modelling.weights import effective_sample_sizes, overdispersion


@pytest.mark.parametrize("correlation", [0.002, 0.02, 0.1])
def test_planted_overdispersion_is_found(correlation: float) -> None:
    # given: beta-binomial counts, whose correlation is 1 / (a + b + 1)
    generator = np.random.default_rng(0)
    total = 1 / correlation - 1
    chances = generator.integers(200, 5_000, size=4_000).astype(float)
    rates = generator.beta(0.05 * total, 0.95 * total, size=4_000)
    counts = generator.binomial(chances.astype(int), rates).astype(float)
    assert overdispersion(counts, chances) == pytest.approx(correlation, rel=0.2)


def test_binomial_counts_are_not_overdispersed() -> None:
    generator = np.random.default_rng(1)
    chances = generator.integers(200, 5_000, size=4_000).astype(float)
    counts = generator.binomial(chances.astype(int), 0.05).astype(float)
    assert overdispersion(counts, chances) < 0.0005


def test_a_viral_post_is_not_a_million_observations() -> None:
    np.testing.assert_allclose(
        effective_sample_sizes(np.array([1.0, 1e6]), 0.02), [1, 50], rtol=0.01
    )
    np.testing.assert_allclose(effective_sample_sizes(np.array([7.0]), 0.0), [7])
