"""Writing sample posts, with a progress bar."""

from datetime import datetime
from pathlib import Path

from tasks.progress import progress
from vkflow.sample.files import is_written, write_sample
from vkflow.sample.settings import WorldSettings
from vkflow.sample.world import draw_world


def ensure_sample(
    directory: Path,
    posts: int,
    *,
    until: datetime,
    seed: int = 0,
    days: int = 120,
    owners: int = 60,
    null: bool = False,
    lifelike: bool = False,
) -> bool:
    """Write a sample world, unless this very one is there; returns whether it was written."""
    if is_written(directory, WorldSettings(posts, seed, until, days, owners, null, lifelike)):
        return False
    world = draw_world(
        posts,
        until=until,
        seed=seed,
        days=days,
        n_owners=owners,
        null=null,
        lifelike=lifelike,
    )
    drawn = 0
    with progress("pictures drawn", world.posts["picture_category"].count()) as advance:

        def on_progress(done: int, _total: int) -> None:
            nonlocal drawn
            advance(done - drawn)
            drawn = done

        return write_sample(directory, world, on_progress)
