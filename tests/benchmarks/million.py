"""A night of a million posts by 10,000 owners, beside one with a tenth of both: two hours or more.

Not among the parts that run unless told: ``python -m tests.benchmarks --only million``, or
``make bench-million``.
"""

from collections.abc import Iterator

from tests.benchmarks.measuring import Row
from tests.benchmarks.models import scratch
from tests.benchmarks.nights import growth
from tests.benchmarks.worlds import STEPS, Taken, run_steps, write_world

POSTS_OF_AN_OWNER = 100
SIZES, QUICK_SIZES = (100_000, 1_000_000), (1_000, 10_000)
PICTURED = 100
"""One post in so many keeps its picture."""


def rows(quick: bool) -> Iterator[Row]:
    """What each step took, how it grew with posts and owners, and its memory."""
    taken: dict[int, dict[str, Taken]] = {}
    sizes = QUICK_SIZES if quick else SIZES
    for size in sizes:
        with scratch() as home:
            write_world(home, size, owners=size // POSTS_OF_AN_OWNER, pictured=PICTURED)
            taken[size] = run_steps(home, *STEPS)
    yield from growth(taken)
