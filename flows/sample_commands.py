"""``vkflow sample``: write sample posts; train the CLIP that tags their pictures."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Write sample posts whose truth is known.", invoke_without_command=True)


@app.callback()
def sample(
    context: typer.Context,
    posts: Annotated[int, typer.Option(min=1, max=10**7, help="How many posts.")] = 3_000,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Start of all random numbers.")
    ] = 0,
    days: Annotated[
        int, typer.Option(min=1, max=3_650, help="Days the posts are spread over.")
    ] = 120,
    owners: Annotated[int, typer.Option(min=1, max=10**6, help="Communities.")] = 60,
    until: Annotated[
        datetime | None, typer.Option(help="End of the world, UTC. Default: last midnight.")
    ] = None,
    null: Annotated[bool, typer.Option("--null", help="Plant no effects at all.")] = False,
    lifelike: Annotated[
        bool,
        typer.Option(
            "--lifelike",
            help="Levels and tastes drift, walls have their own, views cost rates, posts go viral.",
        ),
    ] = False,
) -> None:
    """Write sample posts, their counts over time, their pictures, and apart from them the truth."""
    if context.invoked_subcommand is not None:
        return
    from flows.sampling import ensure_sample
    from vkflow.settings import load_settings

    directory = load_settings().sample_directory
    moment = _end(until, days)
    written = ensure_sample(
        directory,
        posts,
        seed=seed,
        until=moment,
        days=days,
        owners=owners,
        null=null,
        lifelike=lifelike,
    )
    typer.echo(f"{'wrote' if written else 'already there:'} {posts} sample posts in {directory}")


@app.command("train-clip")
def train_clip(
    directory: Annotated[Path, typer.Argument(help="Where to write the checkpoint.")],
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Train the sample CLIP anew on drawn pictures (five to six minutes of one core)."""
    from contextlib import ExitStack

    from tasks.progress import progress
    from vkflow.sample.clip_training.training import train_sample_clip

    with ExitStack() as bars:
        advances: dict[str, Callable[[int], None]] = {}

        def on_progress(stage: str, done: int, total: int) -> None:
            if stage not in advances:
                bars.close()  # the terminal shows one bar at a time
                advances[stage] = bars.enter_context(progress(stage, total))
            advances[stage](1)

        train_sample_clip(directory, seed=seed, on_progress=on_progress)
    typer.echo(f"wrote {directory}; use it with VKFLOW_IMAGES__TAGGER=local-dir:{directory}")


def _end(until: datetime | None, days: int) -> datetime:
    """Of the world, UTC: no post may be older than VK, and after it the nights begin."""
    from vkflow.errors import SettingsError
    from vkflow.sources.validation import FIRST_DAY

    end = until or last_midnight()
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    if not FIRST_DAY + timedelta(days=days) <= end <= datetime.now(UTC):
        raise SettingsError(
            f"--until {end} is no end of {days} days: the first must be after "
            f"{FIRST_DAY:%Y-%m-%d}, the last one past"
        )
    return end.astimezone(UTC)


def last_midnight() -> datetime:
    """The beginning of today, UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
