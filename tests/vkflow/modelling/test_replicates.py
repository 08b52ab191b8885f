"""What else the coefficients could have been: as far apart as fits on other posts are."""

import numpy as np
import polars as pl

from vkflow.modelling.linear import Sample, fit_logistic_ridge
from vkflow.modelling.metrics import sigmoid
from vkflow.modelling.replicates import N_REPLICATES, draw_replicates, owner_weeks

TRUTH = np.array([-2.0, 0.6, -0.4, 0.0])


def draw(seed: int, *, shared: float, clusters: int = 150, posts: int = 8) -> tuple:
    """Posts of owner-weeks; ``shared`` is what moves all posts of one together, with column 1."""
    generator = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(clusters), posts)
    design = np.ones((len(cluster), 4), dtype=np.float32)
    design[:, 1:] = generator.normal(size=(len(cluster), 3))
    design[:, 1] = generator.normal(size=clusters)[cluster]
    logits = design @ TRUTH + shared * generator.normal(size=clusters)[cluster]
    weights = np.full(len(cluster), 200.0)
    rates = generator.binomial(200, sigmoid(logits)) / 200
    return Sample(design, rates, weights), cluster.astype(np.int64)


def spreads(shared: float) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviations of coefficients over worlds, and as the replicates of each tell them."""
    fitted, told = [], []
    for seed in range(60):
        sample, cluster = draw(seed, shared=shared)
        coefficients = fit_logistic_ridge([sample], 1.0)
        fitted.append(coefficients)
        told.append(draw_replicates(sample, coefficients, 1.0, cluster, seed).std(axis=0))
    return np.std(fitted, axis=0), np.mean(told, axis=0)


def test_replicates_spread_as_fits_on_other_worlds_do() -> None:
    """Also where the posts of a week of an owner have more in common than their columns tell."""
    for shared in (0.0, 0.5):
        real, told = spreads(shared)
        np.testing.assert_allclose(told / real, 1, atol=0.3)
    lonely, _ = spreads(0.0)
    assert real[1] > 3 * lonely[1]


def test_what_the_ridge_may_have_shrunk_away_is_uncertain() -> None:
    sample, cluster = draw(0, shared=0.0, clusters=40)
    design = sample.design.copy()
    design[:, 3] = 0  # a column no post tells of
    drawn = draw_replicates(Sample(design, sample.rates, sample.weights), TRUTH.astype(np.float32),
                            4.0, cluster, 1)  # fmt: skip
    assert drawn.shape == (N_REPLICATES, 4) and drawn.dtype == np.float32
    assert 0.4 < drawn[:, 3].std() < 0.6  # the prior's: 1 over the root of the penalty


def test_a_week_of_an_owner_is_one_cluster() -> None:
    days = pl.Series(["2026-11-05", "2026-11-11", "2026-11-12", "2026-11-05", None, None])
    posts = pl.DataFrame(
        {
            "owner_id": [-1, -1, -1, -2, -2, -2],
            "published_at": days.str.to_datetime("%Y-%m-%d", time_zone="UTC"),
        }
    )
    found = owner_weeks(posts)
    assert found[0] == found[1] != found[2] and found[4] == found[5]
    assert len(set(found.tolist())) == 4 and found.min() == 0 and found.max() == 3
