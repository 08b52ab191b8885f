import numpy as np
import polars as pl
import pytest

from vkflow.modelling.owner_rates import RatePrior, fit_prior, owner_rate_columns, smoothed_rates


def history(counts: list[int | None], exposures: list[int | None]) -> pl.DataFrame:
    return pl.DataFrame({"history_like_count": counts, "history_like_exposures": exposures})


def test_smoothing_moves_from_the_prior_to_the_owners_own_rate() -> None:
    rates = smoothed_rates(
        history([None, 0, 5, 5_000], [None, 100, 100, 100_000]), "like", RatePrior(0.02, 100)
    )
    np.testing.assert_allclose(rates, [0.02, 0.01, 0.035, 5_002 / 100_100])


def test_raising_the_past_rate_raises_the_smoothed_rate() -> None:
    rates = smoothed_rates(history([1, 2, 3], [50, 50, 50]), "like", RatePrior(0.02, 10))
    assert (np.diff(rates) > 0).all()


@pytest.mark.parametrize(("spread", "is_strong"), [(0.0, True), (0.5, False)])
def test_strength_is_fitted_to_how_much_owners_differ(spread: float, is_strong: bool) -> None:
    generator = np.random.default_rng(0)
    rates = 0.05 * np.exp(spread * generator.normal(size=400))
    past = generator.binomial(2_000, rates)
    exposures = np.full(400, 3_000.0)
    prior = fit_prior(
        history(past.tolist(), [2_000] * 400), "like", generator.binomial(3_000, rates), exposures
    )
    assert (prior.strength > 50_000) is is_strong


def test_columns_are_logits_and_their_recent_trend() -> None:
    recent = {"history_recent_like_count": [80, None], "history_recent_like_exposures": [100, None]}
    past = history([50, 50], [100, 100]).with_columns(
        pl.Series(name, values) for name, values in recent.items()
    )
    columns = owner_rate_columns(past, {"like": RatePrior(0.5, 100)})
    np.testing.assert_allclose(columns["owner_like_logit"], [0.0, 0.0])
    np.testing.assert_allclose(columns["owner_like_trend"], [np.log(0.65 / 0.35), 0.0])


def test_where_no_owner_has_a_past_the_strength_is_a_middling_one() -> None:
    """All predict alike then: the weakest would believe whatever an owner's first posts get."""
    history = pl.DataFrame({"history_like_count": [0] * 9, "history_like_exposures": [0] * 9})
    prior = fit_prior(history, "like", np.full(9, 20.0), np.full(9, 1_000.0))
    assert prior == RatePrior(0.02, 1e4)
