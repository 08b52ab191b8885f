"""Sample worlds of any size for the benchmarks, and the steps of a night on them."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import polars as pl

from tests.benchmarks.measuring import forget_peak_memory, peak_memory
from tests.fakes.hashed_words import HashedWords
from vkflow.settings import Settings, load_settings

UNTIL = datetime(2026, 11, 2, tzinfo=UTC)
DIMENSIONS = 384
"""Of the vectors of the fake encoder: as many as the default one has."""
PICTURED = 20
"""One post in so many keeps its picture: drawing and tagging is measured elsewhere."""

FEATURE_STEPS = ("count words", "embed texts", "tag pictures")
STEPS = (
    "pull", *FEATURE_STEPS, "train", "score", "advise", "drift", "publish", "back up",
    "report",
)  # fmt: skip


@dataclass(frozen=True)
class Taken:
    """What a step took: seconds, those of its processors, and the peak of its process in MiB."""

    seconds: float
    cpu_seconds: float
    memory: float


def write_world(home: Path, posts: int, *, owners: int = 60, pictured: int = PICTURED) -> None:
    """Draw a sample world into a home."""
    from vkflow.sample.files import write_sample
    from vkflow.sample.world import draw_world

    world = draw_world(posts, until=UNTIL, n_owners=owners)
    unseen = pl.int_range(pl.len()) % pictured != 0
    posts_seen = world.posts.with_columns(
        pl.when(~unseen).then(name).alias(name) for name in ("picture_category", "picture_seed")
    )
    write_sample(home / "sample", replace(world, posts=posts_seen))


def settings_of(home: Path) -> Settings:
    """Default settings, whatever the environment says of the home."""
    return load_settings(home=home)


def run_steps(home: Path, *steps: str) -> dict[str, Taken]:
    """Run steps one after the other, each in a process of its own."""
    taken = {}
    for step in steps:
        command = [sys.executable, "-m", "tests.benchmarks.worlds", str(home), step]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        taken[step] = Taken(**json.loads(done.stdout.splitlines()[-1]))
    return taken


def step_named(name: str, settings: Settings) -> Callable[[], object]:
    """A step of the night, its modules imported, as a plain function."""
    from tasks.advising import advise_authors
    from tasks.backing_up import back_up_warehouse
    from tasks.drifting import measure_drift
    from tasks.pictures import tag_pictures
    from tasks.publishing import publish_snapshot
    from tasks.pulling import pull_posts
    from tasks.reporting import gather, save_page
    from tasks.scoring import score_posts
    from tasks.texts import compute_text_statistics, embed_texts
    from tasks.training import decide_on_bundle, train_bundle
    from vkflow.insights.report.language import load_language
    from vkflow.insights.report.page import render

    def train() -> None:
        trained = train_bundle.fn(settings, UNTIL)
        decide_on_bundle.fn(settings, trained.model_version, UNTIL)

    def report() -> None:
        say = load_language(settings.report.language)
        save_page(settings, UNTIL, render(gather(settings, UNTIL), say))

    return {
        "pull": lambda: pull_posts.fn(settings, UNTIL),
        "count words": lambda: compute_text_statistics.fn(settings),
        "embed texts": lambda: embed_texts.fn(settings),
        "tag pictures": lambda: tag_pictures.fn(settings),
        "train": train,
        "score": lambda: score_posts.fn(settings, UNTIL, "benchmark"),
        "advise": lambda: advise_authors.fn(settings, UNTIL),
        "drift": lambda: measure_drift.fn(settings, UNTIL),
        "publish": lambda: publish_snapshot.fn(settings),
        "back up": lambda: back_up_warehouse.fn(settings),
        "report": report,
        "predict and write": lambda: predict_and_write(settings),
    }[name]


def predict_and_write(settings: Settings) -> float:
    """Score every post anew; returns the seconds without those of reading features."""
    from tasks.selected_posts import selected_posts
    from tasks.step import warehouse_of
    from vkflow.engines.workers.scores import ScoreWorker
    from vkflow.modelling.bundles import load_bundle
    from warehouse import features, models, predictions

    seconds = 0.0
    with warehouse_of(settings, UNTIL) as connection:
        connection.execute("DELETE FROM predictions")
        champion = models.champion_version(connection, UNTIL)
        assert champion is not None
        bundle = load_bundle(settings.models_directory, champion)
        long_ago = UNTIL - timedelta(days=1_000)
        features.select_unscored_posts(connection, champion, long_ago, UNTIL)
        chunk_posts = settings.scoring.chunk_posts
        for chunk in selected_posts(connection, bundle.manifest, chunk_posts):
            start = time.perf_counter()
            noted = chunk.with_columns(scored_at=pl.lit(UNTIL), run_id=pl.lit("benchmark"))
            table = ScoreWorker(bundle).work(noted)
            predictions.write_predictions(connection, table)
            seconds += time.perf_counter() - start
    return seconds


def main() -> None:
    """Run one step of one home, and print what it took."""
    home, name = sys.argv[1:]
    with (
        patch("tasks.texts.load_encoder", lambda _settings: HashedWords(DIMENSIONS)),
        patch("tasks.training.emit_event"),  # outside of a run there is no server to tell
        patch("tasks.drifting.emit_event"),
    ):
        step = step_named(name, settings_of(Path(home)))
        forget_peak_memory()
        start, cpu_start = time.perf_counter(), time.process_time()
        result = step()
        seconds = result if isinstance(result, float) else time.perf_counter() - start
        taken = Taken(seconds, time.process_time() - cpu_start, peak_memory())
    sys.stdout.write(json.dumps(asdict(taken)) + "\n")


if __name__ == "__main__":
    main()
