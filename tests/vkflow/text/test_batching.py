from hypothesis import given
from hypothesis import strategies as st

from vkflow.text.batching import longest_first, next_batch


@given(st.lists(st.integers(0, 600), max_size=60), st.integers(1, 2_000))
def test_batches_cover_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    order = longest_first(lengths)
    batches = []
    done = 0
    while done < len(order):
        batches.append(next_batch(order, done, lengths, budget))
        done += len(batches[-1])
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(max(lengths[position] for position in batch), 1)
        assert len(batch) == 1 or len(batch) * longest <= budget


def test_longest_text_comes_first() -> None:
    assert longest_first([3, 9, 9, 1]) == [1, 2, 0, 3]
