from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from vkflow.text.batching import OVERHEAD, longest_first, plan_batches


def cost(batches: list[list[int]], lengths: list[int], budget: int) -> float:
    return sum(len(batch) * max(lengths[batch[0]], 1) + budget / OVERHEAD for batch in batches)


@given(st.lists(st.integers(0, 600), max_size=60), st.integers(1, 2_000))
def test_batches_cover_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    order = longest_first(lengths)
    batches = plan_batches(order, lengths, budget)
    assert [position for batch in batches for position in batch] == order
    for batch in batches:
        longest = max(max(lengths[position] for position in batch), 1)
        assert len(batch) == 1 or len(batch) * longest <= budget


@given(st.lists(st.integers(1, 90), min_size=1, max_size=7), st.integers(50, 400))
def test_no_other_cut_costs_less(lengths: list[int], budget: int) -> None:
    order = longest_first(lengths)
    n = len(order)
    others = []
    for cuts in (c for k in range(n) for c in combinations(range(1, n), k)):
        borders = [0, *cuts, n]
        batches = [order[a:b] for a, b in pairwise(borders)]
        if all(len(b) == 1 or len(b) * lengths[b[0]] <= budget for b in batches):
            others.append(cost(batches, lengths, budget))
    assert cost(plan_batches(order, lengths, budget), lengths, budget) <= min(others) + 1e-9


def test_little_is_padded() -> None:
    lengths = [512, 200, 180, 90, *[44] * 40, *[12] * 20]
    batches = plan_batches(longest_first(lengths), lengths, 1_024)
    padded = sum(len(batch) * lengths[batch[0]] for batch in batches)
    assert padded < 1.1 * sum(lengths)
    assert len(batches) < 10


def test_longest_text_comes_first() -> None:
    assert longest_first([3, 9, 9, 1]) == [1, 2, 0, 3]


def test_no_texts_are_no_batches() -> None:
    assert plan_batches([], [], 512) == []
