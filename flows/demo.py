"""The demonstration: sample posts, two nights, and where the results are."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

from flows.sample_commands import last_midnight
from flows.sampling import ensure_sample
from flows.tables import print_table
from vkflow.settings import Settings
from vkflow.text.loading import load_encoder
from warehouse.publishing import read_snapshot

TONIGHT = """
SELECT
    owner_id || '_' || post_id AS post, left(text_start, 24) AS text,
    round(100 * p_like, 2) AS "like %", round(100 * p_repost, 3) AS "repost %",
    round(100 * p_hide, 3) AS "hide %"
FROM predictions_wide ORDER BY published_at DESC LIMIT 10
"""


def prepare(settings: Settings, posts: int) -> None:
    """What needs no server: sample posts up to last midnight, unless some are there; the encoder.

    Raises:
        MissingModelError: the weights of the text encoder are not on this machine.
        NotReadyError: the disk has no room for them.
    """
    with ThreadPoolExecutor(1, "encoder") as beside:  # pictures are drawn by other processes
        encoder = beside.submit(load_encoder, settings)
        if _world_file(settings).exists():
            Console().print(f"Sample posts are there already: {settings.sample_directory}")
        else:
            ensure_sample(settings.sample_directory, posts, until=last_midnight())
            Console().print(f"Wrote {posts} sample posts: {settings.sample_directory}")
        Console().print(f"Text encoder: {encoder.result().encoder_id}")


def run_nights(settings: Settings, night: Callable[[dict[str, object]], str]) -> None:
    """Run last night and tonight, as seen when the posts were written, and show the table."""
    console = Console()
    world = json.loads(_world_file(settings).read_text(encoding="utf-8"))
    until = datetime.fromisoformat(world["until"])
    for moment in (until - timedelta(days=1), until):
        console.rule(f"night of {moment:%Y-%m-%d}")
        console.print(Markdown(night({"source": "sample", "as_of": moment})))
    print_table(read_snapshot(settings.snapshot_file, TONIGHT), "The newest posts, as scored")
    console.print(
        f"\nSnapshot for SQL: {settings.snapshot_file}\nModels: {settings.models_directory}\n"
        f"Report: {settings.reports_directory / 'latest.html'}"
    )
    console.print('Try: .venv/bin/vkflow sql "SELECT * FROM latest_predictions LIMIT 5"')


def _world_file(settings: Settings) -> Path:
    return settings.sample_directory / "world.json"
