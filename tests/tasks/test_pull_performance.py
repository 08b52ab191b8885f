"""How fast a data set is pulled, and in how much memory: slow, and with room for other work."""

import base64
import io
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

GIBIBYTE = 2**30
MAX_MEMORY_MIB = 1_536
ROWS_A_SECOND = 20_000
PICTURES_A_SECOND = 300
SLACK = 2
"""Another process may take one of the two cores."""

HEADER = "view,like,comment,hide,expand,open_photo,open,share_to_message,text,photo\n"
WORDS = ("кот", "пёс", "город", "метро", "новость", "сегодня", "рецепт", "пирог", "матч", "море")
PULL = """
import sys
import time
from datetime import UTC, datetime

from tasks.pulling import pull_posts
from tests.benchmarks.measuring import peak_memory
from vkflow.settings import load_settings

home, path, tagger = sys.argv[1:]
settings = load_settings(
    home=home, source="dataset", dataset={"path": path}, images={"tagger": tagger}
)
started = time.monotonic()
counts = pull_posts.fn(settings, datetime(2026, 6, 1, tzinfo=UTC))
seconds = time.monotonic() - started
print(counts.new, seconds, peak_memory())
"""


@dataclass(frozen=True)
class Pulled:
    """New posts, seconds, and the most memory in MiB."""

    posts: int
    seconds: float
    memory: float

    @property
    def posts_a_second(self) -> float:
        return self.posts / self.seconds


def pull(home: Path, path: Path, tagger: str = "none") -> Pulled:
    """Pull in a process of its own, and say what it took."""
    done = subprocess.run(
        [sys.executable, "-c", PULL, str(home), str(path), tagger],
        capture_output=True,
        text=True,
        check=True,
        timeout=1_200,
        cwd=Path(__file__).parents[2],
    )
    posts, seconds, memory = done.stdout.split()
    pulled = Pulled(int(posts), float(seconds), float(memory))
    sys.stdout.write(
        f"{pulled.posts} posts, {pulled.posts_a_second:,.0f} a second, "
        f"{pulled.memory:,.0f} MiB at most\n"
    )
    return pulled


def row(chance: random.Random, number: int, photo: str = "") -> str:
    counts = [chance.randint(1_000, 99_999), *chance.choices(range(300), k=7)]
    text = " ".join(chance.choices(WORDS, k=30))
    return f'{",".join(map(str, counts))},"{text}, {number}",{photo}\n'


def pictures(chance: random.Random, count: int) -> list[str]:
    """Noisy pictures of 256 pixels: about 30 kB in base64 each."""
    made = []
    for _ in range(count):
        small = Image.frombytes("RGB", (90, 90), chance.randbytes(90 * 90 * 3))
        file = io.BytesIO()
        small.resize((256, 256)).save(file, "JPEG", quality=85)
        made.append(file.getvalue())
    return [base64.b64encode(each).decode() for each in made]


def distinct(picture: str, number: int) -> str:
    """The same picture with another number in its comment: another file."""
    content = base64.b64decode(picture)
    comment = number.to_bytes(8)
    return base64.b64encode(content[:2] + b"\xff\xfe\x00\x0a" + comment + content[2:]).decode()


def test_posts_without_pictures_come_twenty_thousand_a_second(tmp_path: Path):
    chance, path = random.Random(1), tmp_path / "posts.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        file.writelines(row(chance, number) for number in range(200_000))
    assert pull(tmp_path / "home", path).posts_a_second > ROWS_A_SECOND / SLACK


def test_posts_with_pictures_come_three_hundred_a_second(tmp_path: Path):
    chance, path = random.Random(1), tmp_path / "posts.csv"
    some = pictures(chance, 100)
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for number in range(6_000):
            file.write(row(chance, number, distinct(some[number % 100], number)))
    pulled = pull(tmp_path / "home", path, "ViT-B-32:any")
    assert pulled.posts_a_second > PICTURES_A_SECOND / SLACK


@pytest.mark.parametrize("tagger", ["none", "ViT-B-32:any"])
def test_a_gigabyte_of_pictures_needs_less_memory_than_that(tmp_path: Path, tagger: str):
    chance, path = random.Random(1), tmp_path / "posts.csv"
    some = pictures(chance, 100)
    number = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        while file.tell() < GIBIBYTE:
            file.write(row(chance, number, distinct(some[number % 100], number)))
            number += 1
    pulled = pull(tmp_path / "home", path, tagger)
    path.unlink()
    assert pulled.posts == number
    assert pulled.memory < MAX_MEMORY_MIB
