"""Thousands of posts as VK may answer them, compared with an oracle written apart."""

import json
from collections import Counter
from random import Random

import pytest

from tests.fakes import vk_oracle
from tests.fakes.vk_schema import ATTACHMENTS, PostMaker
from vkflow.sources.vk.posts import Post, read_post
from vkflow.sources.vk.rejections import Rejection

DAY = 1_780_000_000
POSTS = 1_000


def remarked(post: Post, part: str) -> bool:
    return any(each.key == f"{post.key} {part}" for each in post.remarks)


@pytest.mark.parametrize("seed", range(6))
def test_no_value_is_wrong_and_nothing_is_lost_without_a_reason(seed: int):
    maker, kinds = PostMaker(Random(seed)), Counter[str]()
    for number in range(1, POSTS + 1):
        item = maker.post(-1, number, DAY + number)
        read = read_post(item, -1)
        if vk_oracle.is_refused(item, -1):
            assert isinstance(read, Rejection) and read.reason, item
            kinds["refused"] += 1
            continue
        assert isinstance(read, Post), (item, read)
        address, is_missed = vk_oracle.picture(item)
        assert read.counts == vk_oracle.counts(item), item
        assert (read.post_id, read.date, read.text) == (
            item["id"],
            item["date"],
            vk_oracle.text(item),
        ), item
        assert read.picture_url == address, item
        assert remarked(read, "picture") == is_missed, item
        assert remarked(read, "fields") == vk_oracle.is_anything_odd(item), item
        kinds["with a picture" if address else "without"] += 1
        kinds["odd"] += vk_oracle.is_anything_odd(item)
    assert min(kinds[kind] for kind in ("refused", "with a picture", "without", "odd")) > 30


def test_the_generator_draws_every_kind_of_attachment_and_breaks_what_it_draws():
    maker = PostMaker(Random(7))
    posts = [maker.post(-1, number, DAY) for number in range(1, 2_000)]
    drawn = json.dumps(posts)
    assert all(f'"type": "{kind}"' in drawn for kind in ATTACHMENTS)
    assert sum(vk_oracle.is_refused(post, -1) for post in posts) > 200
