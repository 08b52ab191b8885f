import numpy as np
from sklearn.linear_model import LogisticRegression

from vkflow.insights.regression import Groups, Penalties, fit_regression, group_posts
from vkflow.modelling.metrics import sigmoid

GENERATOR = np.random.default_rng(0)
N, OWNERS, MONTHS = 2_000, 7, 4
DESIGN = GENERATOR.normal(size=(N, 3))
OWNER = GENERATOR.integers(0, OWNERS, N)
MONTH = GENERATOR.integers(0, MONTHS, N)
GROUPS = group_posts(OWNER, MONTH)
TRUE_SLOPES = np.array([0.7, -0.4, 0.0])
TRUE_OWNERS = np.linspace(-1, 1, OWNERS)
CHANCE = sigmoid(DESIGN @ TRUE_SLOPES + TRUE_OWNERS[OWNER] - 1)
EVEN = Penalties(slopes=1.0, owners=1.0, months=1.0)


def test_it_is_the_logistic_regression_with_a_column_for_each_owner_and_month() -> None:
    """A column scaled by s has its coefficient penalised by 1 / s^2 of the others'."""
    drifting = sigmoid(np.log(CHANCE / (1 - CHANCE)) + 0.5 * (MONTH - 1.5) * np.sin(OWNER))
    outcomes = (GENERATOR.random(N) < drifting).astype(float)
    penalties = Penalties(slopes=2.0, owners=0.5, months=8.0)
    fit = fit_regression(DESIGN, GROUPS, outcomes, np.ones(N), penalties)
    owners = (OWNER[:, None] == np.arange(OWNERS)) * 2.0
    months = (GROUPS.month[:, None] == np.arange(OWNERS * MONTHS)) * 0.5
    whole = np.hstack([DESIGN, owners, months])
    peer = LogisticRegression(C=0.5, tol=1e-8, max_iter=5_000).fit(whole, outcomes)
    np.testing.assert_allclose(fit.logits(DESIGN, GROUPS), peer.decision_function(whole), atol=2e-3)


def test_slopes_of_rates_come_back() -> None:
    """Also where views are so many that the penalties are next to nothing beside them."""
    views = np.full(N, 5_000_000.0)
    rates = GENERATOR.binomial(5_000_000, CHANCE) / views
    fit = fit_regression(DESIGN, GROUPS, rates, views, EVEN)
    np.testing.assert_allclose(fit.slopes, TRUE_SLOPES, atol=0.01)


def test_an_owner_and_a_month_without_posts_are_like_the_mean() -> None:
    groups = Groups(OWNER, GROUPS.month, np.append(GROUPS.owner_of_month, OWNERS), OWNERS + 1)
    fit = fit_regression(DESIGN, groups, CHANCE, np.ones(N), EVEN)
    assert fit.owners[-1] == fit.months[-1] == 0


def test_activities_that_never_happen_have_no_effect() -> None:
    fit = fit_regression(DESIGN, GROUPS, np.zeros(N), np.ones(N), EVEN)
    assert np.isfinite(fit.slopes).all() and sigmoid(fit.logits(DESIGN, GROUPS)).max() < 1e-3


def test_a_month_of_one_owner_is_not_that_of_another() -> None:
    groups = group_posts(np.array([0, 0, 1, 1]), np.array([24_322, 24_323, 24_322, 24_322]))
    assert groups.month.tolist() == [0, 1, 2, 2]
    assert groups.owner_of_month.tolist() == [0, 0, 1] and groups.n_owners == 2
