"""Nights with posts and answers of VK that are broken: nothing stops them, nothing is lost."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tasks.pulling import pull_posts
from tests.fakes.vk import FakeVk, Reply, make_photo, make_post, serving
from tests.fakes.vk_nights import FIRST_DAYS, NIGHT, ago, ask, settings_for
from vkflow.sources.validation import CLOCK_SKEW, FIRST_DAY
from vkflow.sources.vk.posts import item_key

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
