"""The demonstration: sample posts, two nights, and where the results are."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from rich.console import Console
from rich.markdown import Markdown

from flows.sample_commands import last_midnight
from flows.sampling import ensure_sample
from flows.tables import print_table
from vkflow.settings import Settings
from warehouse.publishing import read_snapshot

TONIGHT = """
SELECT
    owner_id || '_' || post_id AS post, left(text_start, 24) AS text,
    round(100 * p_like, 2) AS "like %", round(100 * p_repost, 3) AS "repost %",
    round(100 * p_hide, 3) AS "hide %"
FROM predictions_wide ORDER BY published_at DESC LIMIT 10
"""


def run_demo(settings: Settings, posts: int, night: Callable[[dict[str, object]], str]) -> None:
    """Write sample posts unless some are there, run last night and tonight, show the table."""
    console = Console()
    world = settings.sample_directory / "world.json"
    if world.exists():
        console.print(f"Sample posts are there already: {settings.sample_directory}")
    else:
        ensure_sample(settings.sample_directory, posts, until=last_midnight())
        console.print(f"Wrote {posts} sample posts: {settings.sample_directory}")
    until = datetime.fromisoformat(json.loads(world.read_text(encoding="utf-8"))["until"])
    for moment in (until - timedelta(days=1), until):
        console.rule(f"night of {moment:%Y-%m-%d}")
        console.print(Markdown(night({"source": "sample", "as_of": moment})))
    print_table(read_snapshot(settings.snapshot_file, TONIGHT), "The newest posts, as scored")
    console.print(
        f"\nSnapshot for SQL: {settings.snapshot_file}\nModels: {settings.models_directory}\n"
        f"Report: {settings.reports_directory / 'latest.html'}"
    )
    console.print('Try: .venv/bin/vkflow sql "SELECT * FROM latest_predictions LIMIT 5"')
