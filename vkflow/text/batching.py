"""Batches by token budget: texts of like length together, so that little is padded."""

from collections.abc import Sequence

import numpy as np

OVERHEAD = 16
"""A batch is taken to cost, beside its tokens, as much as a sixteenth of its budget: with less,
batches of two or three texts would win, that keep no device busy."""


def longest_first(lengths: Sequence[int]) -> list[int]:
    """Positions ordered by descending length, equal lengths in their own order.

    The largest batch comes first, so that running out of memory shows at once.
    """
    return sorted(range(len(lengths)), key=lambda position: -lengths[position])


def plan_batches(
    order: Sequence[int], lengths: Sequence[int], token_budget: int
) -> list[list[int]]:
    """Cut an order into the batches that cost least: tokens, padding included, and overheads.

    The cheapest cut is found exactly, by dynamic programming over where the last batch begins.

    Args:
        order: positions, longest first.
        lengths: tokens of each text, by position.
        token_budget: tokens in a batch, padding included; a longer text is a batch of its own.

    Returns:
        Batches of positions, in the given order: rows x longest row stays within the budget.
    """
    n = len(order)
    cost = np.full(n + 1, np.inf)
    cost[0] = 0.0
    begin = np.zeros(n + 1, dtype=np.int64)
    for start in range(n):
        longest = max(lengths[order[start]], 1)
        rows = np.arange(1, min(n - start, max(1, token_budget // longest)) + 1)
        candidates = cost[start] + token_budget / OVERHEAD + longest * rows
        ends = slice(start + 1, start + 1 + len(rows))
        better = candidates < cost[ends]
        cost[ends][better] = candidates[better]
        begin[ends][better] = start
    batches: list[list[int]] = []
    end = n
    while end > 0:
        start = int(begin[end])
        batches.append(list(order[start:end]))
        end = start
    return batches[::-1]
