"""A pull killed at any moment and started again gives what an undisturbed one gives."""

import base64
import csv
import io
import multiprocessing
import random
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from PIL import Image

from tests.fakes.pull import pull
from vkflow.images.media import media_path

NIGHT = datetime(2026, 6, 1, 3, tzinfo=UTC)
KILLS = 10
ROWS = 1_500
CHUNK_ROWS = 100
COLUMNS = (
    *("view", "like", "comment", "hide", "expand", "open_photo", "open", "share_to_message"),
    *("text", "photo"),
)
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tasks.pulling"])  # importing takes longer than pulling


def picture(number: int) -> str:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), (number % 256, 0, 0)).save(file, "JPEG")
    return base64.b64encode(file.getvalue()).decode()


@pytest.fixture(scope="module")
def posts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Posts with and without pictures, twins, rows that are bad in many ways."""
    chance = random.Random(20260601)
    file = tmp_path_factory.mktemp("posts") / "posts.csv"
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(COLUMNS)
        for number in range(ROWS):
            counts: list[Any] = [chance.randint(1_000, 9_000), *chance.choices(range(99), k=7)]
            if number % 97 == 0:
                counts[1] = chance.choice(["many", -1, 10**6])
            if number % 53 == 0:
                counts = [""] * 8
            text = f"text {number if number % 10 else 0}"
            photo = picture(number) if number % 7 == 0 else ""
            writer.writerow([*counts, text, photo])
            if number % 101 == 0:
                opened.write("1,2,3\r\n")
    return file


def start(home: Path, posts: Path) -> multiprocessing.process.BaseProcess:
    begun = processes.Event()
    process = processes.Process(target=pull, args=(str(home), str(posts), CHUNK_ROWS, NIGHT, begun))
    process.start()
    assert begun.wait(timeout=60)
    return process


def finish(home: Path, posts: Path) -> float:
    """Pull to the end; returns the seconds it took."""
    process = start(home, posts)
    started = time.monotonic()
    process.join(timeout=120)
    assert process.exitcode == 0
    return time.monotonic() - started


def warehouse(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("posts", "snapshots", "images", "quarantine", "watermarks")
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in tables}


def test_a_pull_killed_at_ten_random_moments_gives_the_tables_of_an_undisturbed_one(
    tmp_path: Path, posts: Path
):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    seconds = finish(undisturbed, posts)
    expected = warehouse(undisturbed)
    assert len(expected["posts"]) == ROWS
    chance = random.Random(7)
    stored: list[int] = []
    for part in range(KILLS):  # one moment in each tenth, so that they are all over the pull
        process = start(killed, posts)
        time.sleep(seconds * (part + chance.random()) / KILLS)
        process.kill()
        process.join()
        if (killed / "warehouse.duckdb").exists():
            stored.append(_stored_posts(killed))
    assert any(0 < count < ROWS for count in stored)
    finish(killed, posts)
    assert warehouse(killed) == expected
    for name, *_, status, _ in expected["images"]:
        path = media_path(killed / "media", name)
        assert path.exists() is (status == "ok")
    assert not list((killed / "media").rglob("*.part"))


def _stored_posts(home: Path) -> int:
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        tables = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
        if "posts" not in tables:
            return 0
        counted = connection.execute("SELECT count(*) FROM posts").fetchone()
    return int(counted[0]) if counted else 0
