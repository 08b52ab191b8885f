"""Pictures come with their posts, or are waited for."""

import pytest

from tests.fakes.pictures import FakePictures, Page, jpeg, serving_pictures
from tests.fakes.vk import FakeVk, make_photo
from tests.fakes.vk_walls import complaints, fetch, keys, later, rows, wall
from vkflow.sources.downloads import PictureDownloader


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
