"""Nights with VK: from the API to predictions, with broken answers, and killed in the middle."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tasks.publishing import publish_snapshot
from tasks.pulling import pull_posts
from tasks.scoring import score_posts
from tasks.texts import compute_text_statistics, embed_texts
from tasks.training import decide_on_bundle, train_bundle
from tests.fakes.pictures import Page, jpeg, serving_pictures
from tests.fakes.vk import TOKEN, FakeVk, Reply, make_photo, make_post, serving
from vkflow.images.decoding import picture_hash
from vkflow.images.media import picture_name
from vkflow.settings import Settings, load_settings
from vkflow.sources.downloads import PictureDownloader
from vkflow.sources.validation import CLOCK_SKEW, FIRST_DAY
from vkflow.sources.vk.posts import item_key
from vkflow.sources.vk.source import VkSource
from warehouse.publishing import read_snapshot

NIGHT = datetime.now(UTC).replace(microsecond=0)
FIRST_DAYS = 90


@pytest.fixture
def vk() -> Iterator[FakeVk]:
    with serving(FakeVk()) as fake:
        yield fake


def settings_for(
    vk: FakeVk,
    home: Path,
    *owners: int,
    tagger: str = "none",
    reading: dict[str, Any] | None = None,
    **more: Any,
) -> Settings:
    return load_settings(
        home=home,
        source="vk",
        images={"tagger": tagger},
        vk={
            "token": TOKEN,
            "owners": [str(owner) for owner in owners],
            "api_url": vk.address,
            "requests_per_second": 10_000,
            "longest_wait_seconds": 0,
            "first_days": FIRST_DAYS,
            **(reading or {}),
        },
        **more,
    )


def ago(**age: float) -> int:
    return int((NIGHT - timedelta(**age)).timestamp())


def ask(home: Path, statement: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(statement).fetchall()


def busy_wall(owner_id: int, posts: int, random: Random) -> list[dict]:
    words = ["котики", "футбол", "рецепт", "скидки", "новости", "погода", "кино", "музыка"]
    wall = []
    for number in range(1, posts + 1):
        views = random.randint(500, 5_000)
        on_walls = random.randint(0, 5)
        rate = 0.02 + 0.03 * random.random()
        wall.append(
            make_post(
                owner_id,
                number,
                ago(hours=12 * (posts - number) + 1),
                f"{random.choice(words)} и {random.choice(words)} номер {number}",
                likes=round(views * rate),
                views={"count": views},
                comments={"count": random.randint(0, 9)},
                reposts={"count": on_walls + 4, "wall_count": on_walls, "mail_count": 4},
            )
        )
    return wall


@pytest.mark.night
def test_a_night_goes_from_the_api_to_predictions(tmp_path: Path, vk: FakeVk):
    random = Random(1)
    vk.administered = {-1}
    for owner_id in (-1, -2, 3):
        vk.add_wall(owner_id, busy_wall(owner_id, 60, random))
    for post in vk.walls[-2]:
        post["reposts"] = {"count": post["reposts"]["count"]}
    night = settings_for(
        vk, tmp_path, -1, -2, 3, training={"min_posts": 50, "iterations": 20, "threads": 2}
    )
    pulled = pull_posts.fn(night, NIGHT)
    assert (pulled.seen, pulled.new, pulled.snapshots) == (180, 180, 180)
    assert not pulled.quarantined
    compute_text_statistics.fn(night)
    embed_texts.fn(night)
    after_the_pull = datetime.now(UTC)
    trained = train_bundle.fn(night, after_the_pull)
    assert trained.model_version is not None, trained.message
    decide_on_bundle.fn(night, trained.model_version, after_the_pull)
    score_posts.fn(night, after_the_pull, "run")
    publish_snapshot.fn(night)
    rows = read_snapshot(
        night.snapshot_file,
        "SELECT activity, count(*) AS n, min(probability) AS low, max(probability) AS high "
        "FROM latest_predictions GROUP BY ALL",
    )
    assert set(rows["activity"]) == {"like", "comment", "repost", "share_to_message", "hide"}
    assert rows["low"].min() > 0 and rows["high"].max() < 1
    assert "repost is learnt from a mixture" in trained.message
    named = read_snapshot(
        night.snapshot_file,
        "SELECT DISTINCT owner_id, owner_name, members, address "
        "FROM predictions_wide JOIN owners USING (owner_id)",
    )
    assert set(named.rows()) == {
        (-1, "Community 1", 10_001, "https://vk.com/community_1"),
        (-2, "Community 2", 10_002, "https://vk.com/community_2"),
        (3, "Anna Number 3", 103, "https://vk.com/anna_3"),
    }
    manifest = read_snapshot(night.snapshot_file, "SELECT manifest FROM models").item()
    assert "owner_members" not in json.loads(manifest)["features"], "nobody had counted them then"
    assert any("on walls" in note for note in json.loads(manifest)["notes"])
    kinds = read_snapshot(
        night.snapshot_file, "SELECT DISTINCT owner_id, reposts_with_messages FROM labels"
    )
    assert set(kinds.rows()) == {(-1, False), (-2, True), (3, False)}
    known = read_snapshot(night.snapshot_file, "SELECT DISTINCT owner_id, hides FROM labels")
    assert set(known.rows()) == {(-1, 4), (-2, None), (3, None)}


def test_counts_of_a_second_night_become_labels(tmp_path: Path, vk: FakeVk):
    vk.add_wall(-1, [make_post(-1, 1, ago(hours=1))])
    night = settings_for(vk, tmp_path, -1)
    pull_posts.fn(night, NIGHT)
    assert pull_posts.fn(night, NIGHT).snapshots == 0
    vk.walls[-1][0]["likes"]["count"] = 77
    assert pull_posts.fn(night, NIGHT + timedelta(days=3)).snapshots == 1
    assert ask(tmp_path, "SELECT likes FROM snapshots ORDER BY observed_at") == [(4,), (77,)]


HOST = "https://sun9-1.userapi.com"


def test_pictures_of_the_night_are_in_the_media_store(
    tmp_path: Path, vk: FakeVk, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "certificate").mkdir()
    posts = [make_post(-1, number, ago(hours=number)) for number in (1, 2, 3)]
    posts[0]["attachments"] = [make_photo(f"{HOST}/a.jpg")]
    posts[1]["attachments"] = [make_photo("https://evil.example/b.jpg")]
    vk.add_wall(-1, posts)
    night = settings_for(vk, tmp_path, -1, tagger="ViT-B-32:any")
    with serving_pictures(tmp_path / "certificate") as pictures:
        downloader = PictureDownloader(night.vk.picture_hosts, network=pictures.network())
        monkeypatch.setattr("tasks.pulling.open_source", lambda *_: VkSource(night.vk, downloader))
        pulled = pull_posts.fn(night, NIGHT)
        posts[0] |= {
            "text": "edited",
            "edited": int(NIGHT.timestamp()),
            "attachments": [make_photo(f"{HOST}/gone.jpg")],
        }
        pictures.pages["/gone.jpg"] = Page(status=404)
        assert pull_posts.fn(night, NIGHT + timedelta(days=2)).changed == 1
    assert pulled.new == 3
    assert ask(tmp_path, "SELECT text FROM posts WHERE post_id = 1") == [("edited",)]
    name = picture_hash(jpeg())
    assert ask(tmp_path, "SELECT post_id, image_hash FROM posts ORDER BY 1") == [
        (1, name),
        (2, None),
        (3, None),
    ]
    assert (night.media.folder / picture_name(name)).read_bytes() == jpeg()
    (gone, (key, reason)) = ask(tmp_path, "SELECT key, reason FROM quarantine ORDER BY key")
    assert gone == ("-1_1 picture", "the picture is left out: HTTP 404")
    assert key == "-1_2 picture" and "evil.example" in reason


GOOD = make_post(-1, 1, ago(hours=1))
BAD_ITEMS: list[Any] = [
    None,
    True,
    5,
    "post",
    [],
    {},
    {"id": 1},
    {"id": 2, "date": ago(hours=1)},
    {"id": 3, "text": "без даты"},
    GOOD | {"id": None},
    GOOD | {"id": "7"},
    GOOD | {"id": 7.5},
    GOOD | {"id": 2**70},
    GOOD | {"id": -7},
    GOOD | {"id": 11, "date": "вчера"},
    GOOD | {"id": 12, "date": 10**18},
    GOOD | {"id": 13, "date": -1},
    GOOD | {"id": 14, "date": 5},
    GOOD | {"id": 15, "date": ago(days=-400)},
    GOOD | {"id": 16, "text": None},
    GOOD | {"id": 17, "text": ["а"]},
    GOOD | {"id": 18, "text": "\ud83d"},
    GOOD | {"id": 19, "text": "а\0б"},
    GOOD | {"id": 20, "text": "я" * 200_000},
    GOOD | {"id": 21, "owner_id": -99},
    GOOD | {"id": 22, "owner_id": "x"},
    GOOD | {"id": 23, "likes": 5},
    GOOD | {"id": 24, "views": {"count": "много"}},
    GOOD | {"id": 25, "reposts": []},
    GOOD | {"id": 26, "is_deleted": True},
    GOOD | {"id": 27, "post_type": "postpone"},
    GOOD | {"id": 28, "likes": {"count": 10**9}},
    GOOD | {"id": 29, "views": {"count": -1}},
    GOOD | {"id": 30, "comments": {"count": -1}},
    GOOD | {"id": 31, "attachments": 5},
    GOOD | {"id": 32, "attachments": [{"type": "photo"}]},
    GOOD | {"id": 33, "text": "", "copy_history": 5},
]


def test_broken_posts_are_all_in_quarantine_and_the_good_one_arrives(tmp_path: Path, vk: FakeVk):
    answer = {"response": {"count": len(BAD_ITEMS) + 1, "items": [*BAD_ITEMS, GOOD]}}
    vk.add_wall(-1, [])
    vk.token_kind = "service"
    vk.answers["wall.get", -1] = Reply(json.dumps(answer).encode())
    pulled = pull_posts.fn(settings_for(vk, tmp_path, -1), NIGHT)
    assert (-1, 1) in ask(tmp_path, "SELECT owner_id, post_id FROM posts")
    kept = {key for (key,) in ask(tmp_path, "SELECT post_id FROM posts")}
    left = {1, 23, 24, 25, 28, 29, 30, 31, 32, 33}
    assert kept == left, "what is left of those with bad counts or parts"
    reasons = ask(tmp_path, "SELECT key, reason, payload FROM quarantine")
    keys = {key.split(" ")[0] for key, _, _ in reasons}
    assert {f"-1_{number}" for number in (2, 3, *range(11, 34))} <= keys
    assert sum("unknown" in key for key in keys) >= 9
    assert all(reason for _, reason, _ in reasons)
    assert pulled.quarantined.total() >= len(BAD_ITEMS) - 1


BAD_ANSWERS = {
    -10: b"",
    -11: b"null",
    -12: b"<html>",
    -13: b"[1, 2",
    -14: b"{}",
    -15: b'{"response": null}',
    -16: b'{"response": []}',
    -17: b'{"response": {}}',
    -18: b'{"response": {"count": "1", "items": []}}',
    -19: b'{"response": {"count": 1, "items": null}}',
    -20: b'{"response": {"count": 1, "items": {"a": 1}}}',
    -21: b'{"error": null}',
    -22: b'{"error": {"error_code": null}}',
    -23: b'{"error": {"error_code": 424242}}',
    -24: b'{"error": {"error_code": 15, "error_msg": ["a"]}}',
    -25: b"\xff\xfe\x00",
    -26: b"[" * 100_000,
    -27: b'{"response": ' + b"1" * 10_000 + b"}",
    -28: b'{"response": {"items": [' + b'{"id":' * 1_000,
    -29: b'{"response": NaN}',
    -30: b'"response"',
}


def test_broken_answers_are_all_in_quarantine_and_the_other_walls_arrive(
    tmp_path: Path, vk: FakeVk
):
    vk.token_kind = "service"
    vk.answers = {("wall.get", owner): Reply(body) for owner, body in BAD_ANSWERS.items()}
    vk.add_wall(-1, [GOOD])
    night = settings_for(vk, tmp_path, *BAD_ANSWERS, -1, reading={"attempts": 2})
    pull_posts.fn(night, NIGHT)
    assert ask(tmp_path, "SELECT owner_id, post_id FROM posts") == [(-1, 1)]
    reasons = dict(ask(tmp_path, "SELECT key, reason FROM quarantine"))
    assert set(reasons) == {str(owner) for owner in BAD_ANSWERS}
    vk.answers.clear()
    for owner in BAD_ANSWERS:
        vk.add_wall(owner, [make_post(owner, 1, ago(hours=1))])
    pull_posts.fn(night, NIGHT)
    assert ask(tmp_path, "SELECT count(*) FROM posts") == [(len(BAD_ANSWERS) + 1,)]
    assert ask(tmp_path, "FROM quarantine") == []


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=6)
    | st.just("\ud800"),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2)
    ),
    max_leaves=4,
)


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths to everything inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for name, each in inner:
        yield (*path, name)
        yield from places(each, (*path, name))


def change(value: Any, path: tuple, new: Any, *, deletes: bool) -> None:
    for name in path[:-1]:
        value = value[name]
    if deletes:
        del value[path[-1]]
    else:
        value[path[-1]] = new


@st.composite
def broken_answers(draw: st.DrawFn) -> bytes:
    """A good answer with some places replaced or gone, cut short, or something else at all."""
    items = [make_post(-1, number, ago(hours=number), f"текст {number}") for number in (1, 2, 3)]
    for item in items:
        del item["owner_id"]
        item["attachments"] = [make_photo("https://sun9-1.userapi.com/a.jpg")]
    answer: Any = {"response": {"count": 3, "items": items}}
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(places(answer), key=repr) or [()]))
        if path:
            change(answer, path, draw(json_values), deletes=draw(st.booleans()))
    body = json.dumps(answer).encode()
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return body[: draw(st.integers(0, len(body) - 1))]
    return json.dumps(draw(json_values)).encode() if kind == 1 else body


def items_of(body: bytes) -> list[Any]:
    try:
        items = json.loads(body)["response"]["items"]
    except (ValueError, KeyError, TypeError, IndexError):
        return []
    return items if isinstance(items, list) else []


def is_outside_the_window(item: Any) -> bool:
    date = item.get("date") if isinstance(item, dict) else None
    if not isinstance(date, int):
        return False
    is_old = FIRST_DAY.timestamp() <= date < ago(days=FIRST_DAYS)
    return is_old or NIGHT.timestamp() < date <= (datetime.now(UTC) + CLOCK_SKEW).timestamp()


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],  # a pull takes a second: shrinking would take many minutes
)
@given(st.lists(broken_answers(), min_size=40, max_size=40))
@pytest.mark.night
def test_nothing_broken_stops_the_night_and_nothing_is_lost_silently(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]
):
    """Two hundred broken answers: each item is stored, in quarantine, or not of this night."""
    home = tmp_path_factory.mktemp("home")
    with serving(FakeVk()) as vk:
        vk.token_kind = "service"
        owners = [-number for number in range(100, 100 + len(bodies))]
        vk.answers = {
            ("wall.get", owner): Reply(body) for owner, body in zip(owners, bodies, strict=True)
        }
        vk.add_wall(-1, [GOOD])
        pull_posts.fn(settings_for(vk, home, *owners, -1, reading={"attempts": 2}), NIGHT)
    assert (-1, 1) in ask(home, "SELECT owner_id, post_id FROM posts")
    told = {key for (key,) in ask(home, "SELECT key FROM quarantine")}
    stored = set(ask(home, "SELECT owner_id, post_id FROM posts"))
    for owner, body in zip(owners, bodies, strict=True):
        if str(owner) in told:
            continue
        distinct = {json.dumps(each, sort_keys=True) for each in items_of(body)}
        wanted = [item for each in distinct if not is_outside_the_window(item := json.loads(each))]
        ids = {item_key(item, owner) for item in wanted}
        kept = sum(each[0] == owner for each in stored)
        refused = {key.split(" ")[0] for key in told if key.startswith(f"{owner}_")}
        refused -= {f"{owner}_{post_id}" for owner_id, post_id in stored if owner_id == owner}
        assert kept + len(refused) >= len(ids), (body, kept, refused)


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
