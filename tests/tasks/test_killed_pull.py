"""A pull killed at any moment and started again gives what an undisturbed one gives."""

import base64
import csv
import io
import multiprocessing
import random
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from PIL import Image

from tests.fakes.pull import pull
from vkflow.images.media import picture_name

pytestmark = pytest.mark.night

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


@pytest.fixture(scope="module")
def table(posts: Path) -> Path:
    """The same rows in a database, with ids and when they were changed."""
    file = posts.with_name("posts.db")
    with posts.open(encoding="utf-8", newline="") as opened, sqlite3.connect(file) as connection:
        rows = [row for row in csv.reader(opened) if len(row) == len(COLUMNS)][1:]
        names = ", ".join(f'"{name}"' for name in COLUMNS)
        connection.execute(f"CREATE TABLE posts ({names}, post_id, updated_at)")
        values = ", ".join("?" * (len(COLUMNS) + 2))
        changed = [
            NIGHT - timedelta(minutes=7 * (len(rows) - number // 3)) for number in range(ROWS)
        ]
        ids = [number if number % 89 else None for number in range(ROWS)]
        connection.executemany(
            f"INSERT INTO posts VALUES ({values})",
            [
                (*row, post_id, moment.isoformat(" "))
                for row, post_id, moment in zip(rows, ids, changed, strict=True)
            ],
        )
    connection.close()
    return file


@pytest.fixture(params=["dataset", "database"])
def source(request: pytest.FixtureRequest, posts: Path, table: Path) -> dict[str, Any]:
    """Settings of a source."""
    common = {"source": request.param, "images": {"tagger": "ViT-B-32:any"}}
    if request.param == "dataset":
        return common | {"dataset": {"path": str(posts), "chunk_rows": CHUNK_ROWS}}
    database = {"url": f"sqlite:///{table}", "table": "posts", "cursor": "updated_at"}
    return common | {"database": database | {"chunk_rows": CHUNK_ROWS}}


def start(home: Path, source: dict[str, Any]) -> multiprocessing.process.BaseProcess:
    begun = processes.Event()
    process = processes.Process(target=pull, args=(source | {"home": home}, NIGHT, begun))
    process.start()
    assert begun.wait(timeout=60)
    return process


def finish(home: Path, source: dict[str, Any]) -> float:
    """Pull to the end; returns the seconds it took."""
    process = start(home, source)
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
    tmp_path: Path, source: dict[str, Any]
):
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    seconds = finish(undisturbed, source)
    expected = warehouse(undisturbed)
    assert len(expected["posts"]) >= 0.98 * ROWS and expected["quarantine"]
    chance = random.Random(7)
    stored: list[int] = []
    for part in range(KILLS):  # one moment in each tenth, so that they are all over the pull
        process = start(killed, source)
        time.sleep(seconds * (part + chance.random()) / KILLS)
        process.kill()
        process.join()
        if (killed / "warehouse.duckdb").exists():
            stored.append(_stored_posts(killed))
    assert any(0 < count < ROWS for count in stored)
    finish(killed, source)
    assert warehouse(killed) == expected
    for name, *_, status, _ in expected["images"]:
        path = killed / "media" / picture_name(name)
        assert path.exists() is (status == "ok")


def _stored_posts(home: Path) -> int:
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        tables = {name for (name,) in connection.execute("SHOW TABLES").fetchall()}
        if "posts" not in tables:
            return 0
        counted = connection.execute("SELECT count(*) FROM posts").fetchone()
    return int(counted[0]) if counted else 0
