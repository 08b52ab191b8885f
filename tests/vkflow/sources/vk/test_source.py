"""The source as the pull sees it: chunks, watermarks, refreshes, failures of single owners."""

import json
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from tests.fakes.pictures import FakePictures, Page, jpeg, serving_pictures
from tests.fakes.vk import FakeVk, Reply, make_photo, make_post
from tests.vkflow.sources.vk.conftest import NOW
from vkflow.errors import SettingsError, SourceError, TransientError, VkflowError
from vkflow.settings.sources import VkSettings
from vkflow.sources.downloads import PictureDownloader
from vkflow.sources.source import Chunk
from vkflow.sources.vk.calls import Timing
from vkflow.sources.vk.errors import VkTokenError
from vkflow.sources.vk.source import VkSource

HOUR = 3_600
DAY = 24 * HOUR


def wall(owner_id: int, *ages_hours: float) -> list[dict]:
    """Posts of these ages at NOW, numbered from the oldest."""
    ages = sorted(ages_hours, reverse=True)
    return [
        make_post(owner_id, number, int(NOW.timestamp() - age * HOUR), f"текст {number}")
        for number, age in enumerate(ages, 1)
    ]


def fetch(source: VkSource, since: str | None = None, as_of: datetime = NOW) -> list[Chunk]:
    return list(source.fetch(since, as_of))


def fetch_failing(
    source: VkSource, since: str | None = None, as_of: datetime = NOW
) -> tuple[list[Chunk], VkflowError]:
    """What came before the source gave up, and why it did."""
    chunks = []
    with pytest.raises(VkflowError) as raised:
        for chunk in source.fetch(since, as_of):
            chunks.append(chunk)
    return chunks, raised.value


def rows(chunks: list[Chunk], frame: str, *columns: str) -> list[tuple[Any, ...]]:
    return pl.concat([getattr(chunk, frame) for chunk in chunks]).select(columns).rows()


def keys(chunks: list[Chunk], frame: str = "posts") -> list[tuple[int, int]]:
    return rows(chunks, frame, "owner_id", "post_id")


def complaints(chunks: list[Chunk]) -> list[tuple[str, str]]:
    return rows(chunks, "rejected", "key", "reason")


def progress(chunks: list[Chunk]) -> dict[str, Any]:
    assert chunks[-1].watermark is not None
    return json.loads(chunks[-1].watermark)


def later(days: float) -> tuple[datetime, Timing]:
    moment = NOW + timedelta(days=days)
    return moment, Timing(now=lambda: moment, sleep=lambda _: None, chance=lambda: 0.5)


def test_posts_and_their_counts_come_oldest_first(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5, 10))
    chunks = fetch(open_source(-1))
    assert rows(chunks, "posts", "post_id", "published_at", "text", "is_ad") == [
        (1, NOW - timedelta(hours=10), "текст 1", False),
        (2, NOW - timedelta(hours=5), "текст 2", False),
    ]
    columns = ("post_id", "observed_at", "views", "likes", "comments", "reposts")
    assert rows(chunks, "snapshots", *columns) == [(1, NOW, 1001, 4, 1, 2), (2, NOW, 1002, 5, 2, 2)]
    rest = ("shares_to_message", "reach", "hides", "expands", "photo_opens", "opens")
    assert rows(chunks, "snapshots", *rest) == [(3, *[None] * 5)] * 2
    assert complaints(chunks) == []


def test_what_was_read_is_not_read_again(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5, 10))
    vk.add_wall(2, wall(2, 7))
    first = fetch(open_source(-1, 2))
    assert sorted(keys(first)) == [(-1, 1), (-1, 2), (2, 1)]
    again = fetch(open_source(-1, 2), first[-1].watermark)
    assert keys(again) == keys(again, "snapshots") == []
    vk.walls[-1].append(make_post(-1, 3, int(NOW.timestamp()) - 60))
    assert keys(fetch(open_source(-1, 2), again[-1].watermark)) == [(-1, 3)]


def test_the_first_pull_reads_so_many_days(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, *(24 * day - 1 for day in range(1, 31))))
    assert len(keys(fetch(open_source(-1, first_days=10)))) == 10


@pytest.mark.parametrize(
    ("name", "owner_id"),
    [
        ("-1", -1),
        ("club1", -1),
        ("public1", -1),
        ("event1", -1),
        ("id7", 7),
        ("7", 7),
        ("lentach", -1),
        ("@lentach", -1),
        ("https://vk.com/lentach", -1),
        ("vk.com/lentach/", -1),
        ("https://m.vk.ru/club1", -1),
        ("durov", 7),
        ("https://vk.com/club1?w=wall-1_2", -1),
        ("vk.com/wall-1", -1),
        ("vk.ru/wall-1_55?reply=3", -1),
        ("https://vk.ru/lentach#top", -1),
        ("vk.com/@lentach", -1),
        ("https://vk.com/feed?w=wall-1_2", -1),
    ],
)
def test_owners_are_numbers_names_or_links(open_source, vk: FakeVk, name: str, owner_id: int):
    vk.names = {
        "lentach": {"type": "group", "object_id": 1},
        "durov": {"type": "user", "object_id": 7},
    }
    vk.add_wall(owner_id, wall(owner_id, 5))
    assert keys(fetch(open_source(name))) == [(owner_id, 1)]


def test_an_owner_named_twice_is_read_once(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5))
    fetch(open_source("-1", "club1", "public1"))
    assert vk.calls["wall.get"] == 1


def test_a_name_nobody_has_is_noted_and_the_others_are_read(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5))
    chunks = fetch(open_source("nobody", -1))
    assert complaints(chunks) == [("nobody", "no community and no person has this screen name")]
    assert keys(chunks) == [(-1, 1)]


OWNER_CODES = [7, 15, 18, 19, 30, 37, 210]


@pytest.mark.parametrize("token_kind", ["user", "service"])
@pytest.mark.parametrize("code", OWNER_CODES)
def test_a_closed_wall_leaves_the_others_complete_and_its_watermark_honest(
    open_source, vk: FakeVk, code: int, token_kind: str
):
    vk.token_kind = token_kind
    for owner_id in (-1, -2, -3):
        vk.add_wall(owner_id, wall(owner_id, 5, 10))
    vk.errors["wall.get", -2] = code
    chunks = fetch(open_source(-1, -2, -3))
    assert sorted(keys(chunks)) == [(-3, 1), (-3, 2), (-1, 1), (-1, 2)]
    ((key, reason),) = complaints(chunks)
    assert key == "-2" and f"VK error {code}" in reason
    assert set(progress(chunks)["owners"]) == {"-1", "-3"}
    del vk.errors["wall.get", -2]
    again = fetch(open_source(-1, -2, -3), chunks[-1].watermark)
    assert sorted(keys(again)) == [(-2, 1), (-2, 2)]
    assert "-2" in [key for chunk in again for key in chunk.mended]


TROUBLES = [1, 6, 10, 36, Reply(b"", 500), Reply(b"<html>"), Reply(b"{}", cut_off=True)]


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_a_wall_that_does_not_answer_is_left_for_the_next_night(
    open_source, vk: FakeVk, trouble: Any
):
    vk.token_kind = "service"
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 5))
    vk.trouble("wall.get", *[trouble] * 5)
    chunks = fetch(open_source(-1, -2))
    assert keys(chunks) == [(-2, 1)]
    assert [key for key, _ in complaints(chunks)] == ["-1"]
    assert keys(fetch(open_source(-1, -2), chunks[-1].watermark)) == [(-1, 1)]


@pytest.mark.parametrize("code", [5, 8, 14, 17, 23, 27, 28, 1117, 3609])
def test_a_terminal_error_stops_the_run_after_what_is_stored(open_source, vk: FakeVk, code: int):
    vk.token_kind = "service"
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 5))
    vk.errors["wall.get", -2] = code
    chunks = []
    with pytest.raises(VkTokenError, match=f"VK error {code} ") as raised:
        for chunk in open_source(-1, -2).fetch(None, NOW):
            chunks.append(chunk)
    assert isinstance(raised.value, SourceError)
    assert keys(chunks) == [(-1, 1)]


def test_the_daily_limit_keeps_what_came_and_the_rest_goes_first_next_time(open_source, vk: FakeVk):
    vk.token_kind = "service"
    for owner_id in (-1, -2, -3):
        vk.add_wall(owner_id, wall(owner_id, 5))
    source = open_source(-1, -2, -3, daily_budgets={"wall.get": 2})
    chunks = fetch(source)
    assert keys(chunks) == [(-1, 1), (-2, 1)]
    assert complaints(chunks) == [
        ("-3", "wall.get: the calls of today are used up; it goes on tomorrow")
    ]
    assert progress(chunks)["calls"] == {"wall.get": 2}
    same_day, error = fetch_failing(source, chunks[-1].watermark)
    assert keys(same_day) == [] and vk.calls["wall.get"] == 2
    assert "no wall could be read" in str(error) and "used up" in str(error)
    moment, timing = later(1)
    source = open_source(-1, -2, -3, daily_budgets={"wall.get": 2}, timing=timing)
    tomorrow = fetch(source, same_day[-1].watermark, moment)
    assert keys(tomorrow) == [(-3, 1)]


def test_vks_own_daily_limit_is_remembered_for_the_day(open_source, vk: FakeVk):
    vk.token_kind = "service"
    vk.add_wall(-1, wall(-1, 5))
    vk.trouble("wall.get", 29)
    chunks, _ = fetch_failing(open_source(-1))
    assert keys(chunks) == []
    assert progress(chunks)["calls"] == {"wall.get": 5_000}
    fetch_failing(open_source(-1), chunks[-1].watermark)
    assert vk.methods().count("wall.get") == 1


def test_half_a_wall_is_kept_without_moving_the_watermark(open_source, vk: FakeVk):
    vk.token_kind = "service"
    vk.add_wall(-1, wall(-1, *range(1, 251)))
    source = open_source(-1, daily_budgets={"wall.get": 2})
    chunks = fetch(source)
    assert 150 < len(keys(chunks)) < 250
    assert "owners" not in progress(chunks)
    moment, timing = later(1)
    again = fetch(open_source(-1, timing=timing), chunks[-1].watermark, moment)
    assert len(keys(again)) == 250


def test_a_long_wall_comes_in_chunks_each_of_which_may_be_the_last(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, *range(1, 251)))
    source = open_source(-1)
    whole = keys(fetch(source))
    assert whole == [(-1, number) for number in range(1, 251)]
    for stop in range(1, 6):
        stored = fetch(source)[:stop]
        rest = fetch(source, stored[-1].watermark)
        assert keys(stored) + keys(rest) == whole


def test_a_pull_later_than_its_moment_leaves_newer_posts(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 5, 10))
    moment = NOW - timedelta(hours=7)
    chunks = fetch(open_source(-1), as_of=moment)
    assert keys(chunks) == [(-1, 1)]
    assert {chunk.read_at for chunk in chunks} == {NOW}
    assert keys(fetch(open_source(-1), chunks[-1].watermark)) == [(-1, 2)]


def test_counts_are_read_again_at_each_age_and_only_then(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    since, seen = None, []
    for hours in (0, 12, 24, 36, 48, 72, 96, 168, 192, 336, 400, 720, 800):
        moment, timing = later(hours / 24)
        vk.walls[-1][0]["views"]["count"] = 1_000 + hours
        chunks = fetch(open_source(-1, timing=timing), since, moment)
        since = chunks[-1].watermark
        seen += [(hours, *row) for row in rows(chunks, "snapshots", "views", "observed_at")]
    assert seen == [
        (hours, 1_000 + hours, NOW + timedelta(hours=hours)) for hours in (0, 24, 72, 168, 336, 720)
    ]
    assert "young" not in json.loads(since or "")["owners"]["-1"]


def test_a_missed_night_is_one_refresh_not_two(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    first = fetch(open_source(-1))
    moment, timing = later(5)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert keys(second, "snapshots") == [(-1, 1)]
    assert keys(second) == []


@pytest.mark.parametrize("token_kind", ["user", "service"])
def test_refreshing_takes_a_hundred_posts_a_call(open_source, vk: FakeVk, token_kind: str):
    vk.token_kind = token_kind
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, *(hour / 10 for hour in range(1, 151))))
    first = fetch(open_source(-1, -2))
    vk.requests.clear()
    vk.calls.clear()
    moment, timing = later(1.5)
    second = fetch(open_source(-1, -2, timing=timing), first[-1].watermark, moment)
    assert len(set(keys(second, "snapshots"))) == 300
    assert vk.calls["wall.getById"] == 4
    assert vk.methods().count("execute") == (2 if token_kind == "user" else 1)


def test_a_refresh_too_large_is_halved(open_source, vk: FakeVk):
    vk.token_kind = "service"
    vk.add_wall(-1, wall(-1, *(hour / 10 for hour in range(1, 101))))
    first = fetch(open_source(-1))
    vk.padding, vk.max_bytes = "x" * 10_000, 500_000
    moment, timing = later(1.5)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert len(keys(second, "snapshots")) == 100


def test_an_edited_post_comes_again_with_its_new_text(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1, 2))
    first = fetch(open_source(-1))
    vk.walls[-1][0] |= {"text": "исправлено", "edited": int(NOW.timestamp()) + HOUR}
    moment, timing = later(1)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert rows(second, "posts", "post_id", "text") == [(1, "исправлено")]
    assert keys(second, "snapshots") == [(-1, 1), (-1, 2)]
    moment, timing = later(3)
    third = fetch(open_source(-1, timing=timing), second[-1].watermark, moment)
    assert keys(third) == [] and len(keys(third, "snapshots")) == 2


def test_a_deleted_post_is_noted_and_the_others_refreshed(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1, 2, 3))
    first = fetch(open_source(-1))
    vk.walls[-1][0] = {"id": 1, "owner_id": -1, "is_deleted": True}
    del vk.walls[-1][1]
    moment, timing = later(1)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert set(complaints(second)) == {
        ("-1_1", "deleted on VK"),
        ("-1_2", "VK no longer shows this post"),
    }
    assert keys(second, "snapshots") == [(-1, 3)]


def test_a_refresh_that_fails_is_made_up_for(open_source, vk: FakeVk):
    vk.token_kind = "service"
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 1))
    first = fetch(open_source(-1, -2))
    vk.errors["wall.getById", -1] = 15
    moment, timing = later(1)
    second = fetch(open_source(-1, -2, timing=timing), first[-1].watermark, moment)
    assert keys(second, "snapshots") == [(-2, 1)]
    assert [key for key, _ in complaints(second)] == ["-1 counts"]
    vk.errors.clear()
    third = fetch(open_source(-1, -2, timing=timing), second[-1].watermark, moment)
    assert keys(third, "snapshots") == [(-1, 1)]
    assert "-1 counts" in [key for chunk in third for key in chunk.mended]


def test_reach_and_hides_come_for_administered_communities(open_source, vk: FakeVk):
    for owner_id in (-1, -2, 3):
        vk.add_wall(owner_id, wall(owner_id, *range(1, 41)))
    vk.administered = {-1}
    chunks = fetch(open_source(-1, -2, 3))
    reach = set(rows(chunks, "snapshots", "owner_id", "reach", "hides"))
    assert reach == {(-1, 900, 4), (-2, None, None), (3, None, None)}
    assert complaints(chunks) == []
    assert vk.methods().count("stats.getPostReach") == 2 + 1


@pytest.mark.parametrize("trouble", [7, 15, 23, 27, 28, 29, 100, 10, Reply(b"[]"), 13])
def test_without_reach_the_counts_come_all_the_same(open_source, vk: FakeVk, trouble: Any):
    vk.add_wall(-1, wall(-1, 1, 2))
    vk.administered = {-1}
    vk.trouble("stats.getPostReach", *[trouble] * 10)
    chunks = fetch(open_source(-1))
    assert rows(chunks, "snapshots", "reach") == [(None,), (None,)]


def test_malformed_rows_of_reach_are_noted_and_the_good_ones_used(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1, 2))
    vk.administered = {-1}
    vk.reach_rows = lambda _owner, _ids: [
        5,
        {"post_id": 1, "reach_total": 800, "hide": 2},
        {"post_id": 2, "reach_total": "many"},
    ]
    chunks = fetch(open_source(-1))
    assert rows(chunks, "snapshots", "reach", "hides") == [(800, 2), (None, None)]
    assert len(complaints(chunks)) == 2
    assert all(key.endswith(" reach") for key, _ in complaints(chunks))


@pytest.fixture(scope="module")
def picture_server(tmp_path_factory: pytest.TempPathFactory):
    with serving_pictures(tmp_path_factory.mktemp("certificate")) as pictures:
        yield pictures


@pytest.fixture
def pictures(picture_server: FakePictures) -> FakePictures:
    picture_server.pages.clear()
    return picture_server


@pytest.fixture
def downloader(pictures: FakePictures) -> PictureDownloader:
    return PictureDownloader(["userapi.com"], network=pictures.network())


URL = "https://sun9-1.userapi.com"


def test_pictures_are_downloaded_when_pulled(
    open_source, vk: FakeVk, pictures: FakePictures, downloader: PictureDownloader
):
    posts = wall(-1, 1, 2, 3)
    posts[0]["attachments"] = [make_photo(f"{URL}/red.jpg"), make_photo(f"{URL}/blue.jpg")]
    posts[1]["attachments"] = [{"type": "video", "video": {"image": [{"url": f"{URL}/v.jpg"}]}}]
    pictures.pages["/red.jpg"] = Page(jpeg("red", 604))
    vk.add_wall(-1, posts)
    chunks = fetch(open_source(-1, pictures=downloader))
    assert rows(chunks, "pictures", "post_id", "content") == [(1, jpeg("red", 604)), (2, jpeg())]
    assert ("sun9-1.userapi.com", "/red.jpg?size=x") in pictures.asked


def test_a_missing_picture_never_costs_the_post_and_is_tried_again(
    open_source, vk: FakeVk, pictures: FakePictures, downloader: PictureDownloader
):
    posts = wall(-1, 1, 2)
    for post in posts:
        post["attachments"] = [make_photo(f"{URL}/{post['id']}.jpg")]
    pictures.pages["/1.jpg"] = Page(b"", status=404)
    vk.add_wall(-1, posts)
    first = fetch(open_source(-1, pictures=downloader))
    assert keys(first) == [(-1, 1), (-1, 2)] and keys(first, "pictures") == [(-1, 2)]
    assert complaints(first) == [("-1_1 picture", "the picture is left out: HTTP 404")]
    pictures.pages.clear()
    moment, timing = later(1)
    source = open_source(-1, pictures=downloader, timing=timing)
    second = fetch(source, first[-1].watermark, moment)
    assert keys(second) == keys(second, "pictures") == [(-1, 1)]
    assert "-1_1 picture" in [key for chunk in second for key in chunk.mended]
    moment, timing = later(3)
    source = open_source(-1, pictures=downloader, timing=timing)
    assert keys(fetch(source, second[-1].watermark, moment)) == []


def test_edited_post_keeps_its_picture_and_the_new_one_is_asked_for_beyond_the_last_age(
    open_source, vk: FakeVk, pictures: FakePictures, downloader: PictureDownloader
):
    post = wall(-1, 1)[0] | {"attachments": [make_photo(f"{URL}/old.jpg")]}
    vk.add_wall(-1, [post])
    chunks = fetch(open_source(-1, pictures=downloader))
    for day in (1, 3, 7, 14):
        moment, timing = later(day)
        source = open_source(-1, pictures=downloader, timing=timing)
        chunks = fetch(source, chunks[-1].watermark, moment)
    pictures.pages["/new.jpg"] = Page(b"", status=503)
    edited = post | {"edited": post["date"] + 60, "attachments": [make_photo(f"{URL}/new.jpg")]}
    vk.add_wall(-1, [edited])
    for day in (30, 31):
        moment, timing = later(day)
        source = open_source(-1, pictures=downloader, timing=timing)
        chunks = fetch(source, chunks[-1].watermark, moment)
        assert keys(chunks, "keeps_picture") == [(-1, 1)]
    pictures.pages.clear()
    moment, timing = later(32)
    source = open_source(-1, pictures=downloader, timing=timing)
    chunks = fetch(source, chunks[-1].watermark, moment)
    assert keys(chunks, "pictures") == [(-1, 1)] and keys(chunks, "keeps_picture") == []
    moment, timing = later(33)
    source = open_source(-1, pictures=downloader, timing=timing)
    assert keys(fetch(source, chunks[-1].watermark, moment)) == []


def test_picture_that_never_comes_is_given_up(
    open_source, vk: FakeVk, pictures: FakePictures, downloader: PictureDownloader
):
    vk.add_wall(-1, [wall(-1, 1)[0] | {"attachments": [make_photo(f"{URL}/old.jpg")]}])
    pictures.pages["/old.jpg"] = Page(b"", status=404)
    chunks = fetch(open_source(-1, pictures=downloader))
    asked = []
    for day in range(1, 45):
        moment, timing = later(day)
        source = open_source(-1, pictures=downloader, timing=timing)
        chunks = fetch(source, chunks[-1].watermark, moment)
        asked += [day] * len(keys(chunks))
    assert asked[:5] == [1, 3, 7, 14, 30] and 36 <= asked[-1] <= 38


def test_without_a_downloader_no_picture_is_missed(open_source, vk: FakeVk):
    posts = wall(-1, 1)
    posts[0]["attachments"] = [make_photo(f"{URL}/a.jpg")]
    vk.add_wall(-1, posts)
    first = fetch(open_source(-1))
    moment, timing = later(1)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert complaints(first + second) == [] and keys(second) == []


def test_a_service_token_reads_the_same(open_source, vk: FakeVk):
    for owner_id in range(-30, 0):
        vk.add_wall(owner_id, wall(owner_id, 5, 10))
    packed = fetch(open_source(*range(-30, 0)))
    assert vk.methods().count("wall.get") == 0
    vk.token_kind = "service"
    single = fetch(open_source(*range(-30, 0)))
    assert keys(single) == keys(packed) and len(keys(single)) == 60
    assert vk.methods().count("wall.get") == 30


@pytest.mark.parametrize("watermark", ["", "{}", '{"owners": {}}'])
def test_an_empty_watermark_is_a_beginning(open_source, vk: FakeVk, watermark: str):
    vk.add_wall(-1, wall(-1, 5))
    assert keys(fetch(open_source(-1), watermark)) == [(-1, 1)]


@pytest.mark.parametrize("watermark", ["2026-01-01", "[]", '{"owners": 5}', '{"owners": {"a": 1}}'])
def test_a_foreign_watermark_is_refused_with_the_remedy(open_source, watermark: str):
    with pytest.raises(SourceError, match="Delete its row"):
        fetch(open_source(-1), watermark)


def test_a_watermark_is_small_and_stable(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, *range(1, 101)))
    chunks = fetch(open_source(-1))
    again = fetch(open_source(-1), chunks[-1].watermark)
    assert progress(again)["owners"] == progress(chunks)["owners"]
    assert len(chunks[-1].watermark or "") < 6_000


def test_without_owners_or_token_nothing_begins():
    with pytest.raises(SettingsError, match="VKFLOW_VK__OWNERS"):
        VkSource(VkSettings.model_validate({"token": "x"}))
    with pytest.raises(SettingsError, match="VKFLOW_VK__TOKEN"):
        VkSource(VkSettings.model_validate({"owners": "a"}))


ALL_CODES = [1, 2, 5, 7, 9, 15, 18, 29, 30, 40, 100, 113, 203, 210, 601, 1117, 3609, 424242]


@pytest.mark.parametrize("token_kind", ["user", "service"])
@pytest.mark.parametrize("code", ALL_CODES)
def test_a_pull_in_which_no_wall_could_be_read_fails_whatever_the_code(
    open_source, vk: FakeVk, code: int, token_kind: str
):
    vk.token_kind = token_kind
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 5))
        vk.errors["wall.get", owner_id] = code
    chunks, error = fetch_failing(open_source(-1, -2, attempts=2))
    assert keys(chunks) == []
    assert "used up" in str(error) if code in (29, 601) else f"VK error {code}" in str(error)
    assert isinstance(error, TransientError) == (code in (1, 9))


def test_names_that_lead_nowhere_are_no_walls_either(open_source, vk: FakeVk):
    _, error = fetch_failing(open_source("nobody"))
    assert str(error) == (
        "no wall could be read: nobody: no community and no person has this screen name"
    )


@pytest.mark.parametrize("token_kind", ["user", "service"])
def test_an_id_nobody_has_is_named_and_the_other_walls_are_read_every_night(
    open_source, vk: FakeVk, token_kind: str
):
    vk.token_kind = token_kind
    since = None
    for owner_id in (-1, -2):
        vk.add_wall(owner_id, wall(owner_id, 5))
    for night in range(3):
        moment, timing = later(night)
        for owner_id in (-1, -2):
            vk.walls[owner_id].append(make_post(owner_id, 10 + night, int(moment.timestamp()) - 60))
        chunks = fetch(open_source(-1, -999, -2, timing=timing), since, moment)
        since = chunks[-1].watermark
        assert {(-1, 10 + night), (-2, 10 + night)} <= set(keys(chunks))
        ((key, reason),) = complaints(chunks)
        assert key == "-999" and "VK error 100" in reason


@pytest.mark.parametrize("name", ["@", "https://vk.com/", "vk.ru", "https://vk.com/?a=1", "@/"])
def test_an_entry_that_names_nobody_is_refused_when_settings_are_read(vk_settings, name: str):
    with pytest.raises(ValueError, match="nobody is named by"):
        vk_settings(owners=f"-1,{name}")


def test_a_closed_wall_costs_one_call_a_night(open_source, vk: FakeVk):
    for owner_id in (-1, -2, -3):
        vk.add_wall(owner_id, wall(owner_id, 5))
    vk.errors["wall.get", -2] = 15
    fetch(open_source(-1, -2, -3))
    assert vk.calls["wall.get"] == 3


def test_reach_is_asked_for_the_newest_posts_first_and_comes_for_those_vk_has_it_of(
    open_source, vk: FakeVk
):
    vk.add_wall(-1, wall(-1, *range(1, 451)))
    vk.administered = {-1}
    chunks = fetch(open_source(-1))
    known = {post for post, reach in rows(chunks, "snapshots", "post_id", "reach") if reach}
    assert known == set(range(151, 451))
    assert len(rows(chunks, "snapshots", "post_id")) == 450
    asked = [params for method, params in vk.requests if method == "stats.getPostReach"]
    assert asked[0]["post_ids"].split(",")[0] == "450"
    assert len(asked) == 10 + 3, "after three batches in vain it stops"


def test_a_batch_of_reach_that_vk_does_not_take_costs_only_itself(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, *range(1, 91)))
    vk.administered = {-1}
    vk.trouble("stats.getPostReach", 100)
    chunks = fetch(open_source(-1))
    known = {post for post, reach in rows(chunks, "snapshots", "post_id", "reach") if reach}
    assert known == set(range(1, 61))


def test_a_community_without_rights_is_asked_for_its_reach_once_a_week(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    since, asked = None, []
    for day in range(9):
        moment, timing = later(day)
        vk.walls[-1].append(make_post(-1, 10 + day, int(moment.timestamp()) - 60))
        chunks = fetch(open_source(-1, timing=timing), since, moment)
        since = chunks[-1].watermark
        asked.append(vk.calls["stats.getPostReach"])
    assert asked == [1] * 7 + [2] * 2
    vk.administered = {-1}
    moment, timing = later(15)
    vk.walls[-1].append(make_post(-1, 99, int(moment.timestamp()) - 60))
    chunks = fetch(open_source(-1, timing=timing), since, moment)
    assert (99, 900) in rows(chunks, "snapshots", "post_id", "reach")
    assert "reach_refused_at" not in json.loads(chunks[-1].watermark or "")["owners"]["-1"]


def test_complaints_about_reach_are_cleared_when_it_comes_whole(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    vk.administered = {-1}
    vk.reach_rows = lambda _owner, _ids: ["nonsense", {"post_id": 1, "hide": "many"}]
    first = fetch(open_source(-1))
    assert {key for key, _ in complaints(first)} == {"-1 reach", "-1_1 reach"}
    vk.reach_rows = None
    moment, timing = later(1)
    second = fetch(open_source(-1, timing=timing), first[-1].watermark, moment)
    assert complaints(second) == []
    mended = {key for chunk in second for key in chunk.mended}
    assert {"-1 reach", "-1_1 reach"} <= mended


def test_a_complaint_about_reach_is_cleared_by_the_next_new_post(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    vk.administered = {-1}
    vk.reach_rows = lambda _owner, _ids: ["nonsense"]
    first = fetch(open_source(-1))
    vk.reach_rows = None
    vk.walls[-1].append(make_post(-1, 9, int(NOW.timestamp()) - 60))
    second = fetch(open_source(-1), first[-1].watermark)
    assert "-1 reach" in {key for chunk in second for key in chunk.mended}


def test_rows_of_reach_of_other_posts_are_nobodys(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    vk.administered = {-1}
    vk.reach_rows = lambda _owner, _ids: [{"post_id": 77, "reach_total": 5, "hide": 1}]
    chunks = fetch(open_source(-1))
    assert rows(chunks, "snapshots", "post_id", "reach") == [(1, None)]


def test_it_is_told_whether_reposts_count_messages(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    columns = ("reposts", "shares_to_message", "reposts_with_messages")
    assert rows(fetch(open_source(-1)), "snapshots", *columns) == [(2, 3, False)]
    vk.token_kind = "service"
    assert rows(fetch(open_source(-1)), "snapshots", *columns) == [(5, None, True)]


def test_large_posts_are_read_without_breaking_the_daily_budget(open_source, vk: FakeVk):
    """Posts of 2025 take 10.9 kB: of 25 walls, 20 each are more than `execute` answers."""
    vk.padding = "x" * 10_900
    vk.daily = {"wall.get": 60}
    owners = range(-50, 0)
    for owner_id in owners:
        vk.add_wall(owner_id, wall(owner_id, *range(1, 21)))
    chunks = fetch(open_source(*owners, daily_budgets={"wall.get": 60}))
    assert len(set(keys(chunks))) == 50 * 20
    assert vk.calls["wall.get"] == 50
    assert progress(chunks)["calls"] == {"wall.get": vk.calls["wall.get"]}


def test_every_call_of_every_try_is_in_the_budget(open_source, vk: FakeVk):
    vk.padding = "x" * 16_000
    owners = range(-50, 0)
    for owner_id in owners:
        vk.add_wall(owner_id, wall(owner_id, *range(1, 21)))
    vk.trouble("execute", Reply(b"", 502), 6)
    chunks = fetch(open_source(*owners))
    assert len(set(keys(chunks))) == 50 * 20
    assert progress(chunks)["calls"] == {"wall.get": vk.calls["wall.get"]}


def test_posts_of_strangers_are_not_the_owners(open_source, vk: FakeVk):
    posts = wall(-1, 1, 2, 3)
    posts[1]["from_id"] = 55
    vk.add_wall(-1, posts)
    assert keys(fetch(open_source(-1))) == [(-1, 1), (-1, 3)]


def test_who_the_owners_are_comes_with_the_posts(open_source, vk: FakeVk):
    vk.add_wall(-1, wall(-1, 1))
    vk.add_wall(7, wall(7, 1))
    vk.owners = {-1: {"id": 1, "name": "Котики &\n Ко", "screen_name": "cats", "members_count": 9}}
    chunks = fetch(open_source(-1, 7))
    assert sorted(rows(chunks, "owners", "owner_id", "name", "screen_name", "members")) == [
        (-1, "Котики & Ко", "cats", 9),
        (7, "Anna Number 7", "anna_7", 107),
    ]
    assert sorted(rows(chunks, "owners", "address")) == [
        ("https://vk.com/anna_7",),
        ("https://vk.com/cats",),
    ]


@pytest.mark.parametrize(
    "item",
    [
        {"id": 1},
        {"id": 1, "name": 5, "screen_name": [], "members_count": "many"},
        {"id": 1, "name": "", "screen_name": " ", "members_count": -1},
        {"id": 1, "name": "\ud800" * 0, "members_count": 2**70},
    ],
    ids=str,
)
def test_what_vk_does_not_say_of_an_owner_is_unknown(open_source, vk: FakeVk, item: dict):
    vk.add_wall(-1, wall(-1, 1))
    vk.owners = {-1: item}
    chunks = fetch(open_source(-1))
    assert rows(chunks, "owners", *chunks[0].owners.columns) == [
        (-1, None, None, None, "https://vk.com/club1")
    ]
    assert keys(chunks) == [(-1, 1)]


@pytest.mark.parametrize("trouble", [15, 100, 29, 27, Reply(b"[]"), Reply(b'{"response": 5}')])
def test_without_names_the_walls_are_read_all_the_same(open_source, vk: FakeVk, trouble: Any):
    vk.add_wall(-1, wall(-1, 1))
    vk.trouble("groups.getById", *[trouble] * 5)
    chunks = fetch(open_source(-1))
    assert keys(chunks) == [(-1, 1)] and rows(chunks, "owners", "owner_id") == []


@pytest.mark.parametrize("item", [5, None, {}, {"id": "x"}, {"id": True}, {"id": -4}])
def test_an_owner_without_a_number_is_noted(open_source, vk: FakeVk, item: Any):
    vk.add_wall(-1, wall(-1, 1))
    vk.owners = {-1: item}
    chunks = fetch(open_source(-1))
    assert [key for key, _ in complaints(chunks)] == ["owners"]
    vk.owners = {}
    again = fetch(open_source(-1), chunks[-1].watermark)
    assert "owners" in {key for chunk in again for key in chunk.mended}


def test_a_strict_vk_is_read_within_all_its_limits(open_source, vk: FakeVk):
    """Five megabytes, requests a second, calls a day, rights, all at once."""
    vk.padding = "x" * 10_900
    vk.requests_per_second = 20
    owners = range(-60, 0)
    vk.daily = {"wall.get": len(owners) + 20, "stats.getPostReach": 60, "execute": 12}
    for owner_id in owners:
        vk.add_wall(owner_id, wall(owner_id, *range(1, 20)))
    vk.administered = set(range(-10, 0))
    vk.errors["wall.get", -60] = 15
    settings = {"requests_per_second": 20, "daily_budgets": {"wall.get": len(owners) + 20}}
    chunks = fetch(open_source(*owners, **settings))
    assert len(set(keys(chunks))) == 59 * 19
    assert [key for key, _ in complaints(chunks)] == ["-60"]
    reach = {owner for owner, reach in rows(chunks, "snapshots", "owner_id", "reach") if reach}
    assert reach == vk.administered
    assert vk.calls["wall.get"] == len(owners)
    moment, timing = later(1.5)
    again = fetch(open_source(*owners, timing=timing, **settings), chunks[-1].watermark, moment)
    assert len(set(keys(again, "snapshots"))) == 59 * 19
