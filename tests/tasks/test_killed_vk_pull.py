"""A pull from VK that is killed on every wall in turn."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tasks.pulling import pull_posts
from tests.fakes.vk import TOKEN, FakeVk, make_post
from tests.fakes.vk_nights import NIGHT, ago, ask, settings_for
from vkflow.settings import Settings

KILLED_PULL = """
import sys
from datetime import datetime
from tasks.pulling import pull_posts
from vkflow.settings import load_settings
pull_posts.fn(load_settings(), datetime.fromisoformat(sys.argv[1]))
"""


def start_pull(night: Settings) -> subprocess.Popen[bytes]:
    import os

    environment = {
        "VKFLOW_HOME": str(night.home),
        "VKFLOW_SOURCE": "vk",
        "VKFLOW_IMAGES__TAGGER": "none",
        "VKFLOW_VK__TOKEN": TOKEN,
        "VKFLOW_VK__OWNERS": ",".join(night.vk.owners),
        "VKFLOW_VK__API_URL": night.vk.api_url,
        "VKFLOW_VK__REQUESTS_PER_SECOND": "10000",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    return subprocess.Popen(
        [sys.executable, "-c", KILLED_PULL, NIGHT.isoformat()], env=os.environ | environment
    )


def tables(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that a pull leaves, but for the moments the counts were read at."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        owners = json.loads(connection.execute("SELECT value FROM watermarks").fetchall()[0][0])
        selections = {
            "posts": "FROM posts ORDER BY ALL",
            "snapshots": "SELECT * EXCLUDE (observed_at) FROM snapshots ORDER BY ALL",
            "quarantine": "FROM quarantine ORDER BY ALL",
        }
        found = {name: connection.execute(each).fetchall() for name, each in selections.items()}
        return found | {"watermark": [owners["owners"]]}


def populate(vk: FakeVk) -> tuple[int, ...]:
    for owner_id in (-1, -2, -3, -4):
        vk.add_wall(
            owner_id,
            [make_post(owner_id, number, ago(hours=number)) for number in range(1, 161)]
            + [{"id": 999, "date": ago(hours=5), "text": 5}],
        )
    vk.token_kind = "service"
    return tuple(vk.walls)


@pytest.mark.night
def test_a_killed_pull_goes_on_to_the_same_tables(tmp_path: Path, vk: FakeVk):
    owners = populate(vk)
    undisturbed = settings_for(vk, tmp_path / "undisturbed", *owners)
    pull_posts.fn(undisturbed, NIGHT)
    disturbed = settings_for(vk, tmp_path / "disturbed", *owners)
    for victim in owners[1:]:
        reached = threading.Event()

        def hold(owner_id: int, offset: int, victim=victim, reached=reached) -> None:
            if owner_id == victim and offset > 0 and not reached.is_set():
                reached.set()

        vk.after_page = hold
        process = start_pull(disturbed)
        assert reached.wait(60), "the pull never came there"
        process.kill()
        process.wait()
    stored = ask(disturbed.home, "SELECT count(*) FROM posts")[0][0]
    assert 0 < stored < 640
    vk.after_page = None
    pull_posts.fn(disturbed, NIGHT)
    assert tables(disturbed.home) == tables(undisturbed.home)
