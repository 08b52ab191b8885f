"""Differences are called evident where they are, and nowhere else."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from vkflow.drafts.contrasts import UncertainLogits, against_mean, contrast
from vkflow.drafts.hours import HourlyForecast, hours_from


def told(effects: np.ndarray, spread: float, seed: int, trees: float = 0.0) -> UncertainLogits:
    """Logits whose linear part errs as far as its replicates say."""
    generator = np.random.default_rng(seed)
    linear = effects + generator.normal(0, spread, len(effects))
    deviations = generator.normal(0, spread, (200, len(effects)))
    return UncertainLogits(linear + trees, linear, deviations)


def test_where_no_hour_differs_hardly_a_week_has_an_evident_one() -> None:
    found = [any(against_mean(told(np.zeros(168), 0.1, seed))[1]) for seed in range(300)]
    assert 0.01 < np.mean(found) < 0.11


def test_hours_that_differ_much_are_evident_and_have_the_sign_of_their_difference() -> None:
    effects = np.where(np.arange(168) % 24 == 19, 1.0, 0.0)
    found, is_evident = against_mean(told(effects, 0.1, 0))
    assert np.flatnonzero(is_evident).tolist() == np.flatnonzero(effects).tolist()
    assert (found[np.array(is_evident)] > 0.5).all() and abs(found.mean()) < 1e-9


def test_nothing_is_evident_that_the_stages_disagree_about() -> None:
    linear = np.array([0.0, 1.0, 0.0])
    deviations = np.random.default_rng(0).normal(0, 0.01, (200, 3))
    whole = np.array([0.0, -1.0, 0.5])  # the trees turn the second and alone raise the third
    both = {"like": UncertainLogits(whole, linear, deviations)}
    assert not contrast(both, 0, 1)[0].is_evident and not contrast(both, 0, 2)[0].is_evident
    assert against_mean(both["like"])[1][1] is False


def test_two_drafts_with_one_history_differ_in_what_they_do_not_share() -> None:
    """What both have in common may be as uncertain as it likes."""
    generator = np.random.default_rng(1)
    shared, own = generator.normal(0, 5, (200, 1)), generator.normal(0, 0.1, (200, 2))
    logits = np.array([-3.0, -2.5])
    (found,) = contrast({"like": UncertainLogits(logits, logits, shared + own)}, 0, 1)
    assert found.is_evident and found.effect == pytest.approx(0.5)
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.1 * np.sqrt(2), rel=0.2)
    (same,) = contrast({"like": UncertainLogits(logits, logits, shared + own)}, 1, 1)
    assert same.effect == 0 and not same.is_evident


def test_one_in_twenty_differences_is_called_evident_where_there_is_none() -> None:
    wrong = [contrast({"like": told(np.zeros(2), 0.1, seed)}, 0, 1)[0] for seed in range(600)]
    assert 0.02 < np.mean([each.is_evident for each in wrong]) < 0.09


@pytest.mark.parametrize("zone", ["Europe/Moscow", "Asia/Kolkata", "Europe/Berlin"])
def test_hours_are_full_ones_by_the_owners_clock(zone: str) -> None:
    now = datetime(2026, 10, 23, 7, 12, 30, tzinfo=UTC)
    found = hours_from(now, ZoneInfo(zone))
    assert len(found) == 168 and now < found[0] <= now + timedelta(hours=1)
    assert {moment.astimezone(ZoneInfo(zone)).minute for moment in found} == {0}
    assert {b - a for a, b in pairwise(found)} == {timedelta(hours=1)}


def test_evident_hours_come_strongest_first() -> None:
    found = HourlyForecast("like", (0.1,) * 4, (0.2, -0.3, 0.5, 0.4), (True, True, True, False))
    assert found.evident(more=True) == [2, 0] and found.evident(more=False) == [1]
