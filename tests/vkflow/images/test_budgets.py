import threading
from concurrent.futures import ThreadPoolExecutor

from vkflow.images.budgets import ByteBudget


def test_no_more_bytes_are_taken_at_once_than_there_are() -> None:
    budget, lock, now, most = ByteBudget(100), threading.Lock(), 0, 0

    def work(wanted: int) -> None:
        nonlocal now, most
        with budget.taken(wanted):
            with lock:
                now += wanted
                most = max(most, now)
            threading.Event().wait(0.005)
            with lock:
                now -= wanted

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [40] * 20 + [100] * 3))
    assert 40 < most <= 100


def test_who_wants_more_than_there_is_works_alone_and_gives_it_back() -> None:
    budget = ByteBudget(100)
    with budget.taken(10**9):
        pass
    with budget.taken(100):
        pass
