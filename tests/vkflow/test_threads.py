"""Threads share pieces of work, and their number changes no bit of what comes out."""

import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from vkflow.threads import map_threads, n_threads, one_thread


def limits() -> set[int]:
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_threads_that_enter_and_leave_do_not_lift_the_limit_of_who_shares_the_work() -> None:
    """They would let the others go on with many threads, and round otherwise."""

    def enter(_number: int) -> set[int]:
        with one_thread():
            pass
        return limits()

    with threadpool_limits(2):
        before = limits()
        with one_thread():
            assert [found for _, found in map_threads(enter, range(4), 2)] == [{1}] * 4
            assert limits() == {1}
        assert limits() == before


def test_results_stand_in_the_order_of_the_items() -> None:
    def work(seconds: float) -> float:
        time.sleep(seconds)
        return -seconds

    items = [0.05, 0.0, 0.02]
    assert list(map_threads(work, items, 3)) == [(item, -item) for item in items]
    assert list(map_threads(work, [], 3)) == []


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        list(map_threads(lambda number: 1 // number, [1, 0], 2))


def test_minus_one_is_every_processor() -> None:
    assert n_threads(-1) >= 1
    assert n_threads(3) == 3


def test_fits_beside_one_another_are_equal_to_the_last_bit() -> None:
    matrices = [np.random.default_rng(seed).normal(size=(700, 700)) for seed in range(4)]
    with one_thread():
        alone = [matrix @ matrix for matrix in matrices]
        beside = [
            product
            for _, product in map_threads(
                lambda place: matrices[place] @ matrices[place], range(4), 2
            )
        ]
    assert all(np.array_equal(one, other) for one, other in zip(alone, beside, strict=True))
