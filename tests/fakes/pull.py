"""A pull in a process of its own, to be killed."""

from datetime import datetime
from multiprocessing.synchronize import Event
from typing import Any

from tasks.pulling import pull_posts
from vkflow.settings import load_settings


def pull(settings: dict[str, Any], night: datetime, begun: Event) -> None:
    loaded = load_settings(**settings)
    begun.set()
    pull_posts.fn(loaded, night)
