"""A writer killed at any moment loses the chunk it was at, and nothing else."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from warehouse.database import open_warehouse

pytestmark = pytest.mark.file
CHUNKS = 40
ROWS = 100
KILLS = 10
SECONDS_OF_KILLING = 9
WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from warehouse.contents import write_posts
from warehouse.database import open_warehouse, transaction
from warehouse.posts import write_snapshots

path, chunks, rows = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
published = datetime(2026, 1, 1, tzinfo=UTC)


def write(connection, chunk):
    keys = pl.DataFrame({"owner_id": -chunk - 1, "post_id": range(rows)})
    posts = keys.with_columns(
        pl.lit(published).alias("published_at"),
        pl.format("text {}", "post_id").alias("text"),
        pl.format("hash {}", "post_id").alias("text_hash"),
        pl.lit(None, pl.String).alias("image_hash"),
        pl.lit(False).alias("is_ad"),
    )
    snapshots = keys.with_columns(
        pl.lit(published + timedelta(days=4)).alias("observed_at"),
        pl.lit(None, pl.Int64).alias("reach"),
        pl.lit(None, pl.Boolean).alias("reposts_with_messages"),
        *(
            pl.lit(chunk, pl.Int64).alias(name)
            for name in (
                "views", "likes", "comments", "reposts", "shares_to_message", "hides", "expands",
                "photo_opens", "opens",
            )
        ),
    )
    with transaction(connection):
        write_posts(connection, posts, source="test", seen_at=published)
        write_snapshots(connection, snapshots, seen_at=published)


with open_warehouse(path) as connection:
    done = {owner for (owner,) in connection.execute("SELECT owner_id FROM posts").fetchall()}
print("ready", flush=True)
missing = [chunk for chunk in range(chunks) if -chunk - 1 not in done]
for start in range(0, len(missing), 5):  # opened and closed again and again, as by the tasks
    with open_warehouse(path) as connection:
        for chunk in missing[start : start + 5]:
            write(connection, chunk)
"""


def start(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(CHUNKS), str(ROWS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def rows_by_chunk(path: Path) -> tuple[dict[int, int], dict[int, int]]:
    with open_warehouse(path) as connection:
        posts, snapshots = (
            connection.execute(f"SELECT owner_id, count(*) FROM {table} GROUP BY ALL").fetchall()
            for table in ("posts", "snapshots")
        )
    return dict(posts), dict(snapshots)


def content(path: Path) -> list[list[tuple[object, ...]]]:
    with open_warehouse(path) as connection:
        return [
            connection.execute(f"FROM {table} ORDER BY ALL").fetchall()
            for table in ("posts", "snapshots")
        ]


@pytest.mark.night
def test_a_writer_killed_at_random_moments_leaves_whole_chunks_and_can_be_resumed(
    tmp_path: Path,
):
    chance = random.Random(20260601)
    killed = tmp_path / "killed.duckdb"
    chunks_left_behind: list[int] = []
    started = time.monotonic()
    while len(chunks_left_behind) < KILLS and time.monotonic() - started < SECONDS_OF_KILLING:
        process = start(killed)
        time.sleep(chance.uniform(0.02, 0.4))
        process.kill()
        process.communicate()
        posts, snapshots = rows_by_chunk(killed)
        assert posts == snapshots
        assert set(posts.values()) <= {ROWS}
        chunks_left_behind.append(len(posts))
        if len(posts) == CHUNKS:
            break
    assert chunks_left_behind == sorted(chunks_left_behind)
    assert chunks_left_behind[0] < CHUNKS

    undisturbed = tmp_path / "undisturbed.duckdb"
    for path in (killed, undisturbed):
        process = start(path)
        process.communicate()
        assert process.returncode == 0
    assert content(killed) == content(undisturbed)
    assert rows_by_chunk(killed)[0] == {-chunk - 1: ROWS for chunk in range(CHUNKS)}
