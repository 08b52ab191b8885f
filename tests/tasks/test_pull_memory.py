"""The memory a pull takes is bounded by bytes, whatever the rows and files are like.

Each source in a process of its own; what the process grows by stays under the budget.
"""

import io
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.fakes.pictures import Page, serving_pictures
from tests.fakes.vk import TOKEN, FakeVk, make_photo, make_post, serving

pytestmark = pytest.mark.slow
BUDGET_MIB = 512
COUNTS = ("view", "like", "comment", "hide", "expand", "open_photo", "open", "share_to_message")

PULL = """
import json, os, sys, threading
from datetime import UTC, datetime
from tasks.pulling import pull_posts
from vkflow.settings import load_settings
from vkflow.sources import opening
from vkflow.sources.downloads import PictureDownloader
from tests.benchmarks.measuring import peak_memory

settings = load_settings(**json.loads(sys.argv[1]))
if settings.source == "vk":
    import ssl
    from ipaddress import ip_address
    from vkflow.sources.downloads import Network
    port, certificate = json.loads(sys.argv[2])
    network = Network(
        resolve=lambda host: [ip_address("127.0.0.1")], is_allowed=lambda address: True,
        port=port, certificates=ssl.create_default_context(cafile=certificate),
    )
    opening.PictureDownloader = lambda hosts, n: PictureDownloader(hosts, n, network=network)
import duckdb, polars, PIL.Image, pyarrow.parquet, sqlalchemy
before = peak_memory()
counts = pull_posts.fn(settings, datetime.now(UTC))
print(json.dumps({"grown": peak_memory() - before, "new": counts.new}))
"""


def pull(home: Path, *more: Any, **settings: Any) -> dict[str, float]:
    tree = {"home": str(home), "images": {"tagger": "ViT-B-32:any"}, "memory_mib": BUDGET_MIB}
    done = subprocess.run(
        [sys.executable, "-c", PULL, json.dumps(tree | settings), *map(json.dumps, more)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def noise_png(side: int, seed: int, bits: int = 8) -> bytes:
    generator = np.random.default_rng(seed)
    file = io.BytesIO()
    if bits == 16:
        Image.fromarray(np.full((side, side), seed, np.uint16)).save(file, "PNG", compress_level=9)
    else:
        pixels = generator.integers(0, 255, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(file, "PNG", compress_level=0)
    return file.getvalue()


def test_database_rows_with_large_pictures(tmp_path: Path) -> None:
    picture = noise_png(1_400, 0)
    assert len(picture) > 5_500_000
    with sqlite3.connect(tmp_path / "posts.db") as connection:
        connection.execute("CREATE TABLE posts (post_id INTEGER, text TEXT, photo BLOB)")
        rows = ((number, "cat", picture + bytes([number])) for number in range(150))
        connection.executemany("INSERT INTO posts VALUES (?, ?, ?)", rows)
    database = {"url": f"sqlite:///{tmp_path}/posts.db", "table": "posts"}
    result = pull(tmp_path / "home", source="database", database=database)
    assert result["new"] == 150
    assert result["grown"] < BUDGET_MIB


def test_database_row_with_an_endless_text(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "posts.db") as connection:
        connection.execute("CREATE TABLE posts (post_id INTEGER, text TEXT, photo BLOB)")
        connection.execute("INSERT INTO posts VALUES (1, 'cat', NULL)")
        connection.execute("INSERT INTO posts VALUES (2, hex(zeroblob(?)), NULL)", [2 * 10**8])
        connection.execute("INSERT INTO posts VALUES (3, 'cat', zeroblob(?))", [4 * 10**8])
    database = {"url": f"sqlite:///{tmp_path}/posts.db", "table": "posts"}
    result = pull(tmp_path / "home", source="database", database=database)
    assert result["new"] == 1
    assert result["grown"] < BUDGET_MIB


def test_parquet_of_the_same_long_texts(tmp_path: Path) -> None:
    n_rows = 4_000
    long = pa.array([letter * 60_000 for letter in "abcdefgh"])
    texts = pa.DictionaryArray.from_arrays(pa.array([n % 8 for n in range(n_rows)]), long)
    columns = {name: pa.array([1] * n_rows) for name in COUNTS}
    columns |= {"photo": pa.array([""] * n_rows), "post_id": pa.array(range(n_rows))}
    file = tmp_path / "posts.parquet"
    pq.write_table(pa.table(columns | {"text": texts}), file)
    assert file.stat().st_size < 100_000
    result = pull(tmp_path / "home", source="dataset", dataset={"path": str(file)})
    assert result["new"] == n_rows
    assert result["grown"] < BUDGET_MIB


def test_small_files_with_huge_pictures(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "posts.db") as connection:
        connection.execute("CREATE TABLE posts (post_id INTEGER, text TEXT, photo BLOB)")
        rows = ((number, "cat", noise_png(7_000, number, bits=16)) for number in range(8))
        connection.executemany("INSERT INTO posts VALUES (?, ?, ?)", rows)
    database = {"url": f"sqlite:///{tmp_path}/posts.db", "table": "posts"}
    result = pull(tmp_path / "home", source="database", database=database)
    assert result["new"] == 8
    assert result["grown"] < BUDGET_MIB


def test_csv_with_large_pictures(tmp_path: Path) -> None:
    import base64

    photo = base64.b64encode(noise_png(1_400, 0)).decode()
    file = tmp_path / "posts.csv"
    with file.open("w") as opened:
        opened.write(",".join((*COUNTS, "text", "photo", "post_id")) + "\n")
        for number in range(60):
            opened.write("1," * len(COUNTS) + f"cat,{photo},{number}\n")
    result = pull(tmp_path / "home", source="dataset", dataset={"path": str(file)})
    assert result["new"] == 60
    assert result["grown"] < BUDGET_MIB


def test_vk_pictures_of_the_largest_size(tmp_path: Path) -> None:
    picture = noise_png(1_810, 0)
    assert 9_800_000 < len(picture) < 10_000_000
    posts = []
    with serving_pictures(tmp_path) as pictures, serving(FakeVk()) as vk:
        for number in range(40, 0, -1):
            url = f"https://sun9-1.userapi.com/{number}.jpg"
            pictures.pages[f"/{number}.jpg"] = Page(picture[:-1] + bytes([number]))
            date = int(time.time()) - 3_600 * number
            posts.append(make_post(-1, number, date, attachments=[make_photo(url)]))
        vk.add_wall(-1, list(reversed(posts)))
        result = pull(
            tmp_path / "home",
            [pictures.port, str(tmp_path / "server.pem")],
            source="vk",
            vk={"token": TOKEN, "owners": ["-1"], "api_url": vk.address},
        )
    assert result["new"] == 40
    assert result["grown"] < BUDGET_MIB
