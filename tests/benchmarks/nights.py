"""Whole nights: how steps grow with the posts, and what a night with little new takes."""

import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import numpy as np

from tests.benchmarks.measuring import Row, interleaved, timed
from tests.benchmarks.models import scratch
from tests.benchmarks.worlds import (
    DIMENSIONS,
    FEATURE_STEPS,
    STEPS,
    UNTIL,
    Taken,
    run_steps,
    settings_of,
    write_world,
)
from tests.fakes.hashed_words import HashedWords

SIZES, QUICK_SIZE = (10_000, 30_000, 100_000), 500
BOUNDED = ("pull", *FEATURE_STEPS, "score", "publish")
"""Steps whose memory must not grow with the posts."""
MAX_MEMORY = 2_048
"""MiB a scoring of everything may take."""


def rows(quick: bool) -> Iterator[Row]:
    """Growth over three sizes, then scoring and a quiet night in the largest home.

    Quick is only the quiet night, in a small one.
    """
    taken: dict[int, dict[str, Taken]] = {}
    with scratch() as folder:
        if quick:
            write_world(folder, QUICK_SIZE)
            yield from _quiet_night(folder, QUICK_SIZE)
            return
        for size in SIZES:
            home = folder / str(size)
            write_world(home, size)
            taken[size] = run_steps(home, *STEPS)
        yield from growth(taken)
        yield _advice_and_report(taken[size], size)
        yield from _quiet_night(home, size)
        yield from _scoring(home, size)
    yield from _one_per_cent(5_000)


def growth(taken: dict[int, dict[str, Taken]]) -> Iterator[Row]:
    """How seconds and memory of each step grow with the posts.

    Args:
        taken: what each step took, by its name, by the number of posts.
    """
    smallest, largest = min(taken), max(taken)
    for step in STEPS:
        seconds = [taken[size][step].seconds for size in taken]
        exponent = float(np.polyfit(np.log(list(taken)), np.log(seconds), 1)[0])
        limit = 1.15 if step == "train" else 1.05
        yield Row(
            f"{step}: {smallest:,} to {largest:,} posts", seconds[-1], "s",
            f"{smallest:,} posts", seconds[0],
            exponent, limit, at_most=True,
        )  # fmt: skip
    for step in STEPS:
        few, many = (taken[size][step].memory for size in (smallest, largest))
        yield Row(
            f"{step}: peak memory", many, "MiB", f"{smallest:,} posts", few, many / few,
            1.3 if step in BOUNDED else None, at_most=True,
        )  # fmt: skip


def _advice_and_report(taken: dict[str, Taken], posts: int) -> Row:
    seconds = sum(taken[step].seconds for step in ("advise", "report"))
    return Row(
        f"advise and report, {posts:,} posts", seconds, "s", "a minute", 60, seconds, 60,
        at_most=True,
    )  # fmt: skip


def _quiet_night(home: Path, posts: int) -> Iterator[Row]:
    """The second night of the same moment, beside a flow without a step."""
    from prefect import flow
    from prefect.testing.utilities import prefect_test_harness

    from flows.nightly import nightly
    from flows.options import RunOptions

    @flow
    def empty() -> None:
        """Nothing."""

    os.environ["VKFLOW_HOME"] = str(home)
    options = RunOptions(as_of=UNTIL)
    with (
        prefect_test_harness(server_startup_timeout=120),
        patch("tasks.texts.load_encoder", lambda _: HashedWords(DIMENSIONS)),
    ):
        nightly(options)
        empty()
        seconds = interleaved({"night": lambda: nightly(options), "empty": empty}, repeats=5)
    yield Row(
        f"a night with nothing new, {posts:,} posts stored", seconds["night"], "s",
        "an empty Prefect flow", seconds["empty"], seconds["night"] / seconds["empty"], 3,
        at_most=True,
    )  # fmt: skip


def _scoring(home: Path, posts: int) -> Iterator[Row]:
    """Every post scored anew: features read apart, since they are read for training too."""
    taken = run_steps(home, "predict and write")["predict and write"]
    yield Row(
        f"predict {posts:,} posts x 8 activities and write them", posts / taken.seconds,
        "posts a second", "a goal", 20_000, posts / taken.seconds, 20_000,
    )  # fmt: skip
    yield Row(
        f"score {posts:,} posts: peak memory", taken.memory, "MiB", "2 GiB", MAX_MEMORY,
        taken.memory, MAX_MEMORY, at_most=True,
    )  # fmt: skip


def _one_per_cent(posts: int) -> Iterator[Row]:
    """Features of the last hundredth of the posts, and of all before, with the offline default."""
    from tasks.pictures import tag_pictures
    from tasks.pulling import pull_posts
    from tasks.texts import compute_text_statistics, embed_texts

    def features(moment) -> float:
        pull_posts.fn(settings, moment)
        return timed(
            lambda: (
                compute_text_statistics.fn(settings), embed_texts.fn(settings),
                tag_pictures.fn(settings),
            )
        )  # fmt: skip

    with tempfile.TemporaryDirectory(prefix="vkflow-benchmark-") as folder:
        home = Path(folder)
        write_world(home, posts, pictured=1)
        settings = settings_of(home)
        first = features(UNTIL - timedelta(days=1.2))  # 120 days in all
        second = features(UNTIL)
    yield Row(
        f"features of a night with 1 % new of {posts:,} posts", second, "s", "the first night",
        first, second / first, 0.05, at_most=True,
    )  # fmt: skip
