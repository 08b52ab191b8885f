"""Writes a sample world to a directory: posts, snapshots, pictures, and the truth apart."""

import errno
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow.parquet as pq

from vkflow.sample.drawings import draw_jpeg
from vkflow.sample.settings import TRUTH_FOLDER, WorldSettings
from vkflow.sample.world import World

LATENT: Final = ("topic", "picture_category", "picture_seed")
"""Columns of a world's posts that no file but the truth may hold."""

_PROCESSES: Final = 2
_PICTURES_AT_ONCE: Final = 1_000  # what memory holds: about 10 MB of JPEG

Progress = Callable[[int, int], None]
"""Called with the pictures drawn so far, and all pictures."""


def is_written(directory: Path, settings: WorldSettings) -> bool:
    """Whether the directory holds the whole world of these settings, from this generator."""
    try:
        written = json.loads((directory / "world.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return bool(written == settings.as_json())


def write_sample(
    directory: Path,
    world: World,
    on_progress: Progress | None = None,
) -> bool:
    """Writes a world, and replaces any other that the directory holds.

    The files are, in the order of time, ``posts.parquet`` (owner_id, post_id, published_at, text,
    is_ad), ``snapshots.parquet``, ``pictures.parquet`` (owner_id, post_id, content: Binary JPEG),
    ``truth/effects.parquet``, ``truth/oracle.parquet``, ``truth/posts.parquet`` (topic and
    picture category of each post), and ``world.json``, which is written last: where it stands,
    the sample is whole.

    Args:
        directory: made if missing.
        world: as ``draw_world`` returns it.
        on_progress: called while pictures are drawn.

    Returns:
        False if the directory held this very world already, and nothing was done.

    Raises:
        OSError: a file cannot be written; what was there is gone, and nothing is half-written.
    """
    if is_written(directory, world.settings):
        return False
    (directory / TRUTH_FOLDER).mkdir(parents=True, exist_ok=True)
    (directory / "world.json").unlink(missing_ok=True)
    frames = {
        "posts": world.posts.drop(LATENT),
        "snapshots": world.snapshots,
        f"{TRUTH_FOLDER}/effects": world.effects,
        f"{TRUTH_FOLDER}/oracle": world.oracle,
        f"{TRUTH_FOLDER}/posts": world.posts.select("owner_id", "post_id", *LATENT),
    }
    for name, frame in frames.items():
        with _replacing(directory / f"{name}.parquet") as path:
            frame.write_parquet(path)
    with _replacing(directory / "pictures.parquet") as path:
        _write_pictures(path, world.posts, on_progress)
    with _replacing(directory / "world.json") as path:
        path.write_text(json.dumps(world.settings.as_json(), indent=2) + "\n", encoding="utf-8")
    return True


def _write_pictures(
    path: Path,
    posts: pl.DataFrame,
    on_progress: Progress | None,
) -> None:
    wanted = posts.filter(pl.col("picture_category").is_not_null())
    keys = wanted.select("owner_id", "post_id")
    empty = keys.clear().with_columns(content=pl.lit(None, pl.Binary)).to_arrow()
    # Spawned, not forked: a fork copies locks that other threads of a flow may hold.
    with (
        ProcessPoolExecutor(_PROCESSES, get_context("spawn")) as pool,
        pq.ParquetWriter(path, empty.schema) as writer,
    ):
        done = 0
        for batch in wanted.iter_slices(_PICTURES_AT_ONCE):
            content = []
            for jpeg in pool.map(
                draw_jpeg, batch["picture_category"], batch["picture_seed"], chunksize=20
            ):
                content.append(jpeg)
                done += 1
                if on_progress:
                    on_progress(done, len(wanted))
            rows = batch.select("owner_id", "post_id", content=pl.Series(content, dtype=pl.Binary))
            writer.write_table(rows.to_arrow().cast(empty.schema))


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; it takes its place once written, or vanishes."""
    beside = path.with_name(f".{path.name}.tmp")
    try:
        yield beside
        beside.replace(path)
    except (OSError, pl.exceptions.ComputeError) as error:  # the latter too: a disk that is full
        number, reason = getattr(error, "errno", None), str(error).splitlines()[-1]
        raise OSError(number or errno.EIO, f"cannot be written: {reason}", str(path)) from None
    finally:
        beside.unlink(missing_ok=True)
