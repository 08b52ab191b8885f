"""What is kept of a post as VK writes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.vk import make_photo, make_post
from vkflow.sources.vk.posts import Post, read_post
from vkflow.sources.vk.previews import find_picture
from vkflow.sources.vk.rejections import Rejection

DAY = 1_780_000_000
PHOTO = "https://sun9-1.userapi.com/a.jpg"


def read(**fields: Any) -> Post:
    post = read_post(make_post(-1, 7, DAY) | fields, -1)
    assert isinstance(post, Post)
    return post


def test_a_whole_post_is_read():
    post = read(text="Котики", marked_as_ads=1, edited=DAY + 5, attachments=[make_photo(PHOTO)])
    assert post == Post(
        owner_id=-1,
        post_id=7,
        date=DAY,
        edited=DAY + 5,
        text="Котики",
        is_ad=True,
        is_pinned=False,
        counts={"views": 1007, "likes": 10, "comments": 0, "reposts": 2, "shares_to_message": 3},
        picture_url=f"{PHOTO}?size=x",
        remarks=(),
    )


@pytest.mark.parametrize(
    ("reposts", "on_walls", "in_messages"),
    [
        ({"count": 5, "wall_count": 2, "mail_count": 3}, 2, 3),
        ({"count": 0, "wall_count": 0, "mail_count": 0}, 0, 0),
        ({"count": 5, "wall_count": 5, "mail_count": 0}, 5, 0),
        ({"count": 5, "wall_count": 0, "mail_count": 0}, 5, None),
        ({"count": 5, "wall_count": 2, "mail_count": 9}, 5, None),
        ({"count": 5, "wall_count": 8, "mail_count": -3}, 5, None),
        ({"count": 5, "mail_count": 3}, 5, None),
        ({"count": 5, "wall_count": 2}, 5, None),
        ({"count": 5}, 5, None),
        ({"wall_count": 2}, None, None),
        ({"wall_count": 2, "mail_count": 3}, None, None),
        ({}, None, None),
        (None, None, None),
    ],
)
def test_reposts_are_those_on_walls_only_where_the_parts_add_up(
    reposts: object, on_walls: int | None, in_messages: int | None
):
    post = read(reposts=reposts)
    assert (post.counts["reposts"], post.counts["shares_to_message"]) == (on_walls, in_messages)
    assert post.counts_messages == (None if on_walls is None else in_messages is None)
    assert post.remarks == ()


@pytest.mark.parametrize("name", ["views", "likes", "comments"])
def test_counts_vk_does_not_tell_are_unknown_not_nought(name: str):
    assert read(**{name: None}).counts[name] is None
    assert read(**{name: {}}).counts[name] is None
    assert read(**{name: {"count": 0}}).counts[name] == 0
    item = make_post(-1, 7, DAY)
    del item[name]
    post = read_post(item, -1)
    assert isinstance(post, Post) and post.counts[name] is None


def test_a_repost_with_words_keeps_its_own():
    assert read(text="Смотрите", copy_history=[{"text": "их слова"}]).text == "Смотрите"


@pytest.mark.parametrize(
    ("history", "text"),
    [
        ([{"text": "их слова"}], "их слова"),
        ([{"text": ""}, {"text": "первые слова"}], "первые слова"),
        ([{"text": " "}], ""),
        ([], ""),
        (None, ""),
    ],
)
def test_a_repost_without_words_shows_those_of_the_reposted(history: object, text: str):
    post = read(text="", copy_history=history)
    assert post.text == text and post.remarks == ()


@pytest.mark.parametrize("history", [{"text": "x"}, [5], [{"text": 5}], [{}], [{"text": "\ud800"}]])
def test_an_unreadable_repost_is_kept_without_it_and_noted(history: object):
    post = read(text="", copy_history=history)
    assert post.text == ""
    assert [remark.key for remark in post.remarks] == ["-1_7 repost"]


MALFORMED = {
    "not an object": ([1, 2], "a post is not a JSON object"),
    "null": (None, "a post is not a JSON object"),
    "empty": ({}, "id is missing"),
    "without a date": ({"id": 7, "text": ""}, "date is missing"),
    "without a text": ({"id": 7, "date": DAY}, "text is missing"),
    "a number as text": (make_post(-1, 7, DAY) | {"text": 5}, "text is not a text"),
    "half a surrogate pair": (make_post(-1, 7, DAY, "\ud83d"), "text is not valid Unicode"),
    "a word for an id": (make_post(-1, 7, DAY) | {"id": "7"}, "id is not a whole number"),
    "a truth for an id": (make_post(-1, 7, DAY) | {"id": True}, "id is not a whole number"),
    "an id beyond 64 bits": (make_post(-1, 2**64, DAY), "id is out of range"),
    "a date beyond the calendar": (make_post(-1, 7, 10**15), "date is out of range"),
    "a negative date": (make_post(-1, 7, -5), "date is out of range"),
    "another wall": (make_post(-2, 7, DAY), "belongs to another wall"),
    "postponed": (make_post(-1, 7, DAY) | {"post_type": "postpone"}, "not a published post"),
    "suggested": (make_post(-1, 7, DAY) | {"post_type": "suggest"}, "not a published post"),
    "a comment": (make_post(-1, 7, DAY) | {"post_type": "reply"}, "not a published post: reply"),
    "postponed by another name": (
        {k: v for k, v in make_post(-1, 7, DAY).items() if k != "post_type"} | {"type": "postpone"},
        "not a published post: postpone",
    ),
    "an advertisement": (make_post(-1, 7, DAY) | {"post_type": "post_ads"}, "post_ads"),
    "archived": (make_post(-1, 7, DAY) | {"is_archived": True}, "archived by its owner"),
    "for donors only": (
        make_post(-1, 7, DAY, "")
        | {"donut": {"is_donut": True, "placeholder": {"text": "Для донов"}}},
        "for paying subscribers",
    ),
    "of a stranger": (make_post(-1, 7, DAY) | {"from_id": 55}, "written by 55, not by the owner"),
    "deleted": ({"id": 7, "owner_id": -1, "is_deleted": True}, "deleted on VK"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_post_is_refused_with_its_reason(name: str):
    item, reason = MALFORMED[name]
    refused = read_post(item, -1)
    assert isinstance(refused, Rejection)
    assert reason in refused.reason
    assert refused.key.startswith("-1_")
    assert refused.payload is not None
    (refused.key + refused.reason + refused.payload).encode()


LEFT_OUT = {
    "a fraction of a like": ({"likes": {"count": 1.5}}, "likes.count is not a whole number"),
    "a count as a text": ({"likes": {"count": "12"}}, "likes.count is not a whole number"),
    "a truth for a count": ({"likes": {"count": True}}, "likes.count is not a whole number"),
    "likes as a number": ({"likes": 5}, "likes is not an object"),
    "PHP's empty object": ({"views": []}, "views is not an object"),
    "false for an object": ({"comments": False}, "comments is not an object"),
    "views beyond 64 bits": ({"views": {"count": 10**30}}, "views.count is out of range"),
    "an infinite count": (
        {"views": {"count": float("inf")}},
        "views.count is not a whole number",
    ),
    "reposts as a list": ({"reposts": []}, "reposts is not an object"),
    "a word among the reposts": (
        {"reposts": {"count": 5, "mail_count": "3"}},
        "reposts.mail_count is not a whole number",
    ),
    "an edit beyond the calendar": ({"edited": 10**15}, "edited is out of range"),
    "an edit before time": ({"edited": -1}, "edited is out of range"),
    "a word for a flag": ({"marked_as_ads": "yes"}, "marked_as_ads is neither true nor false"),
    "a word for a pin": ({"is_pinned": "yes"}, "is_pinned is neither true nor false"),
    "a word for an author": ({"from_id": "me"}, "from_id is not a whole number"),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_malformed_secondary_field_is_left_out_and_remarked_and_the_post_kept(name: str):
    fields, reason = LEFT_OUT[name]
    whole, post = read(), read(**fields)
    assert [(each.key, each.reason) for each in post.remarks] == [
        ("-1_7 fields", f"{reason}: it is left out")
    ]
    assert (post.text, post.date) == (whole.text, whole.date)
    (changed,) = fields
    touched = {"reposts", "shares_to_message"} if changed == "reposts" else {changed}
    kept = {name: count for name, count in whole.counts.items() if name not in touched}
    assert kept.items() <= post.counts.items()
    assert changed not in post.counts or changed == "reposts" or post.counts[changed] is None
    assert changed != "marked_as_ads" or post.is_ad is None


@pytest.mark.parametrize(
    ("comments", "count"),
    [
        ({"count": 0}, 0),
        ({"count": 0, "can_post": 1}, 0),
        ({"count": 0, "can_post": 0}, None),
        ({"count": 0, "can_post": 0, "groups_can_post": True}, None),
        ({"count": 0, "can_open": 1}, None),
        ({"count": 0, "can_view": 0}, None),
        ({"count": 4, "can_post": 0}, 4),
    ],
)
def test_where_comments_are_closed_none_is_not_nought(comments: dict, count: int | None):
    assert read(comments=comments).counts["comments"] == count


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = [
    *make_post(-1, 7, DAY),
    "copy_history",
    "edited",
    "is_pinned",
    "is_deleted",
    "attachments",
]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=4), json_values)
def test_anything_is_a_post_or_refused(changes: dict[str, Any], alone: Any):
    for item in (make_post(-1, 7, DAY) | changes, alone):
        read = read_post(item, -1)
        assert isinstance(read, Post | Rejection)
        if isinstance(read, Post):
            assert abs(read.date) < 2**60 and -(2**63) <= read.post_id < 2**63
            read.text.encode()


@given(json_values, json_values)
def test_any_attachments_give_an_address_or_a_problem_or_neither(attachments: Any, history: Any):
    url, problem = find_picture(attachments, history)
    assert url is None or problem is None


def sizes(*widths: int) -> list[dict]:
    return [{"type": "?", "width": width, "height": 9, "url": f"u{width}"} for width in widths]


@pytest.mark.parametrize(
    ("widths", "chosen"),
    [
        ((75, 130, 604, 807, 1280), "u604"),
        ((1280, 512, 604), "u512"),
        ((75, 130), "u130"),
        ((2560,), "u2560"),
    ],
)
def test_the_smallest_size_that_fills_the_store_is_taken(widths: tuple[int, ...], chosen: str):
    assert find_picture([{"type": "photo", "photo": {"sizes": sizes(*widths)}}], None)[0] == chosen


def test_sizes_without_a_width_are_known_by_their_letter():
    old = [{"type": letter, "width": 0, "height": 0, "url": letter} for letter in "smxyzw"]
    assert find_picture([{"type": "photo", "photo": {"sizes": old}}], None)[0] == "x"


VIDEO = {"type": "video", "video": {"image": sizes(320, 720)}}
LINK = {"type": "link", "link": {"url": "https://a", "photo": {"sizes": sizes(150, 537)}}}
DOCUMENT = {
    "type": "doc",
    "doc": {"preview": {"photo": {"sizes": [{"src": "u600", "width": 600}]}}},
}
FIRST = {"type": "photo", "photo": {"sizes": sizes(601)}}
SECOND = {"type": "photo", "photo": {"sizes": sizes(602)}}


@pytest.mark.parametrize(
    ("attachments", "chosen"),
    [
        ([FIRST, SECOND], "u601"),
        ([VIDEO], "u720"),
        ([LINK], "u537"),
        ([DOCUMENT], "u600"),
        ([VIDEO, FIRST], "u601"),
        ([LINK, VIDEO], "u537"),
        ([{"type": "poll", "poll": {}}, {"type": "audio", "audio": {}}, VIDEO], "u720"),
        ([{"type": "poll", "poll": {}}], None),
        ([], None),
    ],
)
def test_the_first_photo_or_else_the_first_preview(attachments: list, chosen: str | None):
    assert find_picture(attachments, None) == (chosen, None)


def photo(width: int) -> dict:
    return {"sizes": sizes(width)}


SHOWN = {
    "posted_photo": {"photo_130": "u130", "photo_604": "u604"},
    "graffiti": {"photo_200": "u200", "photo_586": "u586", "url": "u", "width": 9},
    "app": {"photo_130": "u130", "photo_604": "u604"},
    "clip": {"image": sizes(320, 720)},
    "video": {"first_frame": sizes(320, 720)},
    "video_playlist": {"image": sizes(320, 720)},
    "link": {"video": {"image": sizes(320, 720)}},
    "doc": {"preview": {"graffiti": {"src": "u600", "width": 600, "height": 9}}},
    "album": {"thumb": photo(604)},
    "market": {"thumb_photo": "u400"},
    "market_album": {"photo": photo(604)},
    "article": {"photo": photo(604)},
    "poll": {"photo": {"images": sizes(340, 680)}},
    "podcast": {"cover": photo(604)},
    "photo": {"orig_photo": {"type": "base", "url": "u1280", "width": 1280}},
    "sticker": {"images": sizes(64, 512)},
}


@pytest.mark.parametrize("kind", SHOWN)
def test_every_kind_of_attachment_shows_the_picture_it_has(kind: str):
    post = read(attachments=[{"type": kind, kind: SHOWN[kind]}])
    best = {"graffiti": "u586", "doc": "u600", "market": "u400", "photo": "u1280"}
    best |= {"poll": "u680", "sticker": "u512"}
    best |= dict.fromkeys(("clip", "video", "video_playlist", "link"), "u720")
    assert post.picture_url == best.get(kind, "u604") and post.remarks == ()


def test_pictures_of_older_versions_are_named_by_their_width():
    video = {"photo_320": "u320", "photo_800": "u800", "first_frame_1280": "u1280"}
    assert find_picture([{"type": "video", "video": video}], None)[0] == "u800"
    assert (
        find_picture([{"type": "photo", "photo": {"photo_604": "u", "width": 9}}], None)[0] == "u"
    )
    listed = {"images": sizes(320, 640)}
    assert find_picture([{"type": "photo", "photo": listed}], None)[0] == "u640"


@pytest.mark.parametrize("kind", [*SHOWN, "audio", "note", "page", "event", "donut_link", "new"])
def test_an_attachment_that_should_show_a_picture_and_has_none_is_remarked(kind: str):
    post = read(attachments=[{"type": kind, kind: {}}])
    assert post.picture_url is None
    usual = {*SHOWN} - {"app", "doc", "link", "poll", "sticker"}
    assert [each.key for each in post.remarks] == (["-1_7 picture"] if kind in usual else [])


def test_a_repost_shows_the_picture_of_the_reposted():
    history = [{"text": "x", "attachments": []}, {"attachments": [FIRST]}]
    assert find_picture([], history) == ("u601", None)
    assert find_picture([SECOND], history) == ("u602", None)


@pytest.mark.parametrize(
    "attachments",
    ["photo", {"type": "photo"}, [5], [{"type": "photo"}], [{"type": "photo", "photo": 1}]],
)
def test_a_photo_that_cannot_be_understood_is_noted_and_the_post_kept(attachments: object):
    post = read(attachments=attachments)
    assert post.picture_url is None
    assert [remark.key for remark in post.remarks] == ["-1_7 picture"]


def test_a_payload_is_json_a_person_can_read():
    refused = read_post(make_post(-1, 7, DAY, "Ёжик\0") | {"date": "x"}, -1)
    assert isinstance(refused, Rejection) and refused.payload is not None
    assert "Ёжик" in refused.payload or len(refused.payload) == 500
    assert json.loads(json.dumps(refused.payload)) == refused.payload
