"""Hundreds of generated posts through whole pulls: the tables beside what an oracle says."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from tasks.pulling import pull_posts
from tests.fakes import vk_oracle
from tests.fakes.vk import TOKEN, FakeVk, Reply, serving
from tests.fakes.vk_schema import PostMaker
from vkflow.errors import VkflowError
from vkflow.settings import load_settings

NIGHT = datetime.now(UTC).replace(microsecond=0)
OWNERS = (-1, -2, -3, 4)
POSTS = 110
COLUMNS = ("views", "likes", "comments", "reposts", "shares_to_message")
Tables = tuple[dict[str, Any], dict[str, Any], set[str]]


def walls(seed: int) -> dict[int, list[Any]]:
    """Posts by wall; of those whose number was spoilt into another's, the first one."""
    maker = PostMaker(Random(seed))
    found: dict[int, list[Any]] = {}
    for owner in OWNERS:
        numbered: dict[str, Any] = {}
        for number in range(10, 10 + POSTS):
            moment = int((NIGHT - timedelta(hours=number)).timestamp())
            post = maker.post(owner, number, moment)
            numbered.setdefault(repr(post.get("id")), post)
        found[owner] = list(numbered.values())
    return found


def pulled(home: Path, vk: FakeVk, days: int = 0) -> Tables:
    """Texts and adverts, the newest counts, and the keys in quarantine, by post."""
    night = load_settings(
        home=home,
        source="vk",
        images={"tagger": "none"},
        vk={
            "token": TOKEN,
            "owners": [str(owner) for owner in OWNERS],
            "api_url": vk.address,
            "requests_per_second": 10_000,
            "longest_wait_seconds": 0,
        },
    )
    pull_posts.fn(night, NIGHT + timedelta(days=days))
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        posts = connection.execute("SELECT owner_id, post_id, text, is_ad FROM posts").fetchall()
        counts = connection.execute(
            f"SELECT owner_id, post_id, {', '.join(COLUMNS)}, reach, hides FROM snapshots "
            "QUALIFY row_number() OVER (PARTITION BY ALL_OF ORDER BY observed_at DESC) = 1".replace(
                "ALL_OF", "owner_id, post_id"
            )
        ).fetchall()
        keys = {key for (key,) in connection.execute("SELECT key FROM quarantine").fetchall()}
    return (
        {f"{owner}_{post}": rest for owner, post, *rest in posts},
        {f"{owner}_{post}": rest for owner, post, *rest in counts},
        keys,
    )


def right(counts: dict[str, int | None]) -> dict[str, int | None] | None:
    """Counts that can be true; ``None``: none of them can be trusted."""
    views, likes = counts["views"], counts["likes"]
    if views is not None and (views < 0 or (likes is not None and likes > views)):
        return None
    return {
        name: None
        if count is not None and (count < 0 or (views is not None and count > views))
        else count
        for name, count in counts.items()
    }


def is_outside(item: dict[str, Any]) -> bool:
    """Older than the first pull reads, or in the future: the date was spoilt."""
    return not (NIGHT - timedelta(days=90)).timestamp() <= item["date"] <= NIGHT.timestamp()


def compare(items: dict[int, list[Any]], tables: Tables, split: bool = True) -> int:
    """Check every post; how many were kept."""
    posts, counts, keys = tables
    kept = 0
    for owner, wall in items.items():
        for item in wall:
            key = f"{owner}_{item.get('id')}"
            if vk_oracle.is_refused(item, owner) or item["id"] < 0 or is_outside(item):
                named = vk_oracle.is_whole(item.get("id"))
                strange = item.get("from_id") not in (None, owner)
                assert not named or key in keys or strange, item
                assert not named or key not in posts, item
                continue
            kept += 1
            assert posts[key][0] == vk_oracle.text(item), item
            if not split and isinstance(item.get("reposts"), dict):
                both = ("wall_count", "mail_count")
                left = {name: v for name, v in item["reposts"].items() if name not in both}
                item = item | {"reposts": left}
            told = vk_oracle.counts(item)
            wanted = right(told)
            if wanted is None:
                assert key not in counts and f"{key} counts" in keys, item
                continue
            assert dict(zip(COLUMNS, counts[key], strict=False)) == wanted, item
            assert wanted == told or f"{key} counts" in keys, item
            assert not vk_oracle.is_anything_odd(item) or f"{key} fields" in keys, item
            assert not vk_oracle.picture(item)[1] or f"{key} picture" in keys, item
    return kept


@pytest.mark.parametrize("token_kind", ["user", "service"])
def test_a_pull_keeps_every_right_value_and_says_what_it_left_out(tmp_path: Path, token_kind: str):
    with serving(FakeVk()) as vk:
        vk.token_kind = token_kind
        vk.walls = walls(seed=len(token_kind))
        vk.administered = {-1}
        vk.reach_rows = lambda owner, ids: [
            {"post_id": each, "reach_total": each - 5, "hide": 7} for each in ids
        ]
        tables = pulled(tmp_path, vk)
        assert compare(vk.walls, tables, split=token_kind == "user") > 200
    if token_kind == "user":
        for key, (*_, reach, hides) in tables[1].items():
            owner, post = map(int, key.split("_"))
            fine = owner == -1 and post - 5 >= 7
            assert (reach, hides) == ((post - 5, 7) if fine else (None, None)), key
            assert fine or owner != -1 or f"{key} counts" in tables[2]


def test_a_second_pull_changes_nothing_but_the_counts(tmp_path: Path):
    with serving(FakeVk()) as vk:
        vk.walls = walls(seed=5)
        first = pulled(tmp_path, vk)
        again = pulled(tmp_path, vk)
        assert again == first
        later = pulled(tmp_path, vk, days=8)
        compare(vk.walls, later)
        assert later[0] == first[0]


TROUBLES: list[int | Reply] = [1, 6, 10, 13, 32, 36, 43, Reply(b"", 502), Reply(b"<html>")]
TROUBLED = ("execute", "wall.get", "wall.getById", "stats.getPostReach", "groups.getById")


@pytest.mark.parametrize(("token_kind", "seed"), [("user", 1), ("service", 2)])
def test_whatever_troubles_vk_nothing_is_lost_and_every_call_is_counted(
    tmp_path: Path, token_kind: str, seed: int
):
    """Nights of trouble, some of which fail, then a quiet one: it is as if all had been quiet."""
    random = Random(seed)
    with serving(FakeVk()) as vk:
        vk.token_kind, vk.walls = token_kind, walls(seed)
        for _ in range(2):
            for method in TROUBLED:
                vk.troubles[method].clear()
                vk.trouble(method, *random.choices(TROUBLES, k=random.randint(0, 6)))
            with suppress(VkflowError):
                pulled(tmp_path, vk)
        vk.troubles.clear()
        assert compare(vk.walls, pulled(tmp_path, vk), split=token_kind == "user") > 200
        with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as connection:
            ((watermark,),) = connection.execute("SELECT value FROM watermarks").fetchall()
    assert json.loads(watermark)["calls"] == {"wall.get": vk.calls["wall.get"]}
