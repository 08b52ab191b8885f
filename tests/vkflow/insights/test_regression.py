import numpy as np
from sklearn.linear_model import LogisticRegression

from vkflow.insights.regression import fit_regression
from vkflow.modelling.metrics import sigmoid

GENERATOR = np.random.default_rng(0)
N, OWNERS = 2_000, 7
DESIGN = GENERATOR.normal(size=(N, 3))
OWNER = GENERATOR.integers(0, OWNERS, N)
TRUE_SLOPES = np.array([0.7, -0.4, 0.0])
TRUE_OWNERS = np.linspace(-1, 1, OWNERS)
CHANCE = sigmoid(DESIGN @ TRUE_SLOPES + TRUE_OWNERS[OWNER] - 1)


def test_it_is_the_logistic_regression_with_a_column_for_each_owner() -> None:
    outcomes = (GENERATOR.random(N) < CHANCE).astype(float)
    fit = fit_regression(
        DESIGN, OWNER, outcomes, np.ones(N), n_owners=OWNERS, penalty=2.0, owner_penalty=2.0
    )
    whole = np.hstack([DESIGN, OWNER[:, None] == np.arange(OWNERS)])
    peer = LogisticRegression(C=0.5, tol=1e-8, max_iter=1_000).fit(whole, outcomes)
    np.testing.assert_allclose(fit.logits(DESIGN, OWNER), peer.decision_function(whole), atol=2e-3)


def test_slopes_of_rates_come_back() -> None:
    views = np.full(N, 5_000.0)
    rates = GENERATOR.binomial(5_000, CHANCE) / views
    fit = fit_regression(
        DESIGN, OWNER, rates, views, n_owners=OWNERS, penalty=1.0, owner_penalty=1.0
    )
    np.testing.assert_allclose(fit.slopes, TRUE_SLOPES, atol=0.01)


def test_an_owner_without_posts_is_like_the_mean() -> None:
    fit = fit_regression(
        DESIGN, OWNER, CHANCE, np.ones(N), n_owners=OWNERS + 1, penalty=1.0, owner_penalty=1.0
    )
    assert fit.owners[-1] == 0


def test_activities_that_never_happen_have_no_effect() -> None:
    fit = fit_regression(
        DESIGN, OWNER, np.zeros(N), np.ones(N), n_owners=OWNERS, penalty=1.0, owner_penalty=1.0
    )
    assert np.isfinite(fit.slopes).all() and sigmoid(fit.logits(DESIGN, OWNER)).max() < 1e-3
