"""A pull in a process of its own, to be killed."""

from datetime import datetime
from multiprocessing.synchronize import Event

from tasks.pulling import pull_posts
from vkflow.settings import load_settings


def pull(home: str, path: str, chunk_rows: int, night: datetime, begun: Event) -> None:
    settings = load_settings(
        home=home,
        source="dataset",
        dataset={"path": path, "chunk_rows": chunk_rows},
        images={"tagger": "ViT-B-32:any"},
    )
    begun.set()
    pull_posts.fn(settings, night)
