"""Batches by token budget: texts of like length together, so that little is padded."""

from collections.abc import Sequence


def longest_first(lengths: Sequence[int]) -> list[int]:
    """Positions ordered by descending length, equal lengths in their own order.

    The largest batch comes first, so that running out of memory shows at once.
    """
    return sorted(range(len(lengths)), key=lambda position: -lengths[position])


def next_batch(
    order: Sequence[int], start: int, lengths: Sequence[int], token_budget: int
) -> list[int]:
    """The next positions to encode together: rows x longest row stays within the budget.

    Args:
        order: positions, longest first.
        start: how many of them are done.
        lengths: tokens of each text, by position.
        token_budget: tokens in a batch, padding included; a longer text is a batch of its own.
    """
    longest = max(lengths[order[start]], 1)
    return list(order[start : start + max(1, token_budget // longest)])
