import threading
import time
from collections.abc import Callable

import pytest
import torch

from vkflow.neural.sharing import map_batches


@pytest.fixture(autouse=True)
def four_threads(torch_threads: Callable[[int], None]) -> None:
    torch_threads(4)


def test_batches_have_a_thread_each_and_keep_their_order() -> None:
    seen: set[int] = set()

    def work(batch: int) -> tuple[int, int]:
        seen.add(threading.get_ident())
        # The first ones are the slowest, as the longest texts are.
        time.sleep(0.02 * (8 - batch))
        return batch, torch.get_num_threads()

    results = list(map_batches(work, range(8), "cpu"))
    assert results == [(batch, 1) for batch in range(8)]
    assert len(seen) == 4
    assert threading.get_ident() not in seen
    assert torch.get_num_threads() == 4


def test_a_new_thread_has_all_threads_again() -> None:
    list(map_batches(lambda batch: batch, range(4), "cpu"))
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert found == [4]


@pytest.mark.parametrize(("n_batches", "threads_each"), [(1, 4), (2, 2), (3, 1), (4, 1)])
def test_few_batches_share_the_threads(n_batches: int, threads_each: int) -> None:
    found = list(map_batches(lambda _batch: torch.get_num_threads(), range(n_batches), "cpu"))
    assert found == [threads_each] * n_batches


@pytest.mark.parametrize("n_batches", [1, 2, 5])
def test_where_bits_must_not_depend_on_it_a_batch_has_one_thread(n_batches: int) -> None:
    found = list(
        map_batches(
            lambda _batch: torch.get_num_threads(), range(n_batches), "cpu", one_thread_each=True
        )
    )
    assert found == [1] * n_batches
    assert torch.get_num_threads() == 4


def test_a_gpu_gets_one_batch_after_the_other() -> None:
    found = list(map_batches(lambda _batch: threading.get_ident(), range(3), "cuda:0"))
    assert found == [threading.get_ident()] * 3


def test_results_before_an_error_are_there_and_later_batches_are_not_begun() -> None:
    begun: list[int] = []

    def work(batch: int) -> int:
        begun.append(batch)
        if batch == 1:
            raise torch.OutOfMemoryError("injected")
        time.sleep(0.02)
        return batch

    results = map_batches(work, range(1_000), "cpu")
    assert next(results) == 0
    with pytest.raises(torch.OutOfMemoryError):
        next(results)
    assert len(begun) < 100
    assert torch.get_num_threads() == 4
