"""Every rule, one case each; what goes with a rejected post; what stays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from vkflow.sources.source import (
    NAMES_SCHEMA,
    PICTURES_SCHEMA,
    POSTS_SCHEMA,
    REJECTED_SCHEMA,
    SNAPSHOTS_SCHEMA,
    Chunk,
)
from vkflow.sources.validation import (
    CLOCK_SKEW,
    FIRST_DAY,
    MAX_COUNTED,
    CheckedChunk,
    check_chunk,
)

NIGHT = datetime(2026, 6, 1, tzinfo=UTC)
PUBLISHED = NIGHT - timedelta(days=9)
TICK = timedelta(microseconds=1)
COUNTS = ("likes", "comments", "reposts", "shares_to_message", "hides", "expands", "photo_opens")


def posts(*rows: dict[str, Any]) -> pl.DataFrame:
    default = {
        "owner_id": -1,
        "post_id": 1,
        "published_at": PUBLISHED,
        "text": "cat",
        "is_ad": False,
    }
    return pl.DataFrame([default | row for row in rows], schema=dict(POSTS_SCHEMA))


def snapshots(*rows: dict[str, Any]) -> pl.DataFrame:
    default = dict.fromkeys(SNAPSHOTS_SCHEMA) | {
        "owner_id": -1,
        "post_id": 1,
        "observed_at": NIGHT,
        "views": 100,
    }
    return pl.DataFrame([default | row for row in rows], schema=dict(SNAPSHOTS_SCHEMA))


def pictures(*rows: tuple[int | None, int | None]) -> pl.DataFrame:
    return pl.DataFrame(
        [(*row, b"picture") for row in rows], schema=dict(PICTURES_SCHEMA), orient="row"
    )


def check(**parts: Any) -> CheckedChunk:
    return check_chunk(Chunk(**parts), as_of=NIGHT, max_characters=10)


def verdicts(checked: CheckedChunk) -> list[tuple[str, str]]:
    return checked.rejected.select("key", "reason").rows()


@pytest.mark.parametrize(
    ("bad", "key", "reason"),
    [
        ({"owner_id": None}, "unknown", "owner_id is missing"),
        ({"post_id": None}, "unknown", "post_id is missing"),
        ({"post_id": -1}, "-1_-1", "post_id is negative"),
        ({"text": None}, "-1_1", "text is missing"),
        ({"text": "a\0b"}, "-1_1", "the text contains NUL characters"),
        ({"text": "я" * 11}, "-1_1", "the text is longer than 10 characters"),
        ({"published_at": NIGHT + CLOCK_SKEW + TICK}, "-1_1", "published in the future"),
        ({"published_at": FIRST_DAY - TICK}, "-1_1", "published before VK existed"),
    ],
)
def test_a_bad_post_is_rejected_with_its_counts_and_its_picture(
    bad: dict[str, Any], key: str, reason: str
):
    post = {"owner_id": -1, "post_id": 1} | bad
    ids = {"owner_id": post["owner_id"], "post_id": post["post_id"]}
    checked = check(
        posts=posts(bad, {"post_id": 2}),
        snapshots=snapshots(ids, {"post_id": 2}),
        pictures=pictures((ids["owner_id"], ids["post_id"]), (-1, 2)),
    )
    assert verdicts(checked) == [(key, reason)]
    assert checked.posts.equals(posts({"post_id": 2}))
    assert checked.snapshots.equals(snapshots({"post_id": 2}))
    assert checked.pictures.equals(pictures((-1, 2)))
    assert checked.accepted_keys["key"].to_list() == ["-1_2", "-1_2 counts"]
    assert checked.seen == 2


@pytest.mark.parametrize(
    "good",
    [
        {"post_id": 0},
        {"post_id": 2**63 - 1},
        {"owner_id": 0},
        {"text": ""},
        {"text": "я" * 10},
        {"is_ad": None},
        {"published_at": None},
        {"published_at": NIGHT + CLOCK_SKEW},
        {"published_at": FIRST_DAY},
    ],
    ids=str,
)
def test_a_post_at_the_edge_of_a_rule_is_accepted(good: dict[str, Any]):
    checked = check(posts=posts(good))
    assert checked.rejected.is_empty()
    assert checked.posts.equals(posts(good))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"views": -1}, "views is negative"),
        ({"likes": 101}, "more likes than views"),
        ({"observed_at": NIGHT + CLOCK_SKEW + TICK}, "observed in the future"),
        ({"observed_at": FIRST_DAY - TICK}, "observed before VK existed"),
        ({"observed_at": PUBLISHED - TICK}, "observed before it was published"),
    ],
)
def test_bad_counts_are_rejected_and_their_post_stays(bad: dict[str, Any], reason: str):
    checked = check(
        posts=posts({}, {"post_id": 2}),
        snapshots=snapshots(bad, {"post_id": 2}),
        pictures=pictures((-1, 1)),
    )
    assert verdicts(checked) == [("-1_1 counts", reason)]
    assert checked.posts.equals(posts({}, {"post_id": 2}))
    assert checked.snapshots.equals(snapshots({"post_id": 2}))
    assert checked.pictures.equals(pictures((-1, 1)))
    assert checked.accepted_keys["key"].to_list() == ["-1_1", "-1_2", "-1_2 counts"]
    assert checked.seen == 2


ODD = [name for name in (*COUNTS, "opens") if name != "likes"]


@pytest.mark.parametrize(
    ("odd", "reason", "left_out"),
    [
        *(({name: -1}, f"{name} is negative", [name]) for name in ("likes", *ODD)),
        *(({name: 101}, f"more {name.replace('_', ' ')} than views", [name]) for name in ODD),
        ({"reach": -1}, "reach is negative", ["reach"]),
        ({"reach": -1, "hides": 3}, "reach is negative", ["reach", "hides"]),
        ({"reach": 5, "hides": 6}, "more hides than views", ["reach", "hides"]),
        ({"reach": 5, "hides": -6}, "hides is negative", ["reach", "hides"]),
    ],
    ids=str,
)
def test_a_count_that_cannot_be_right_is_left_out_and_remarked_and_the_others_stay(
    odd: dict[str, Any], reason: str, left_out: list[str]
):
    counts = {"post_id": 1, "likes": 7, "comments": 2} | odd
    checked = check(posts=posts({}), snapshots=snapshots(counts))
    assert verdicts(checked) == [("-1_1 counts", reason)]
    assert '"likes":7' in checked.rejected["payload"][0] or "likes" in odd
    assert checked.snapshots.equals(snapshots(counts | dict.fromkeys(left_out)))
    assert "-1_1 counts" in checked.accepted_keys["key"]


def test_each_odd_count_has_a_remark_of_its_own():
    checked = check(posts=posts({}), snapshots=snapshots({"comments": 101, "expands": -1}))
    assert verdicts(checked) == [
        ("-1_1 counts", "more comments than views"),
        ("-1_1 counts", "expands is negative"),
    ]
    assert checked.snapshots.equals(snapshots({}))


@pytest.mark.parametrize(
    "good",
    [
        dict.fromkeys((*COUNTS, "opens"), 100),
        dict.fromkeys((*COUNTS, "opens"), 0) | {"views": 0},
        {"views": None, "likes": 5},
        {"views": 3, "reach": 5, "hides": 5},
        {"views": None, "reach": 5, "hides": 5},
        {"observed_at": None},
        {"observed_at": PUBLISHED},
        {"observed_at": NIGHT + CLOCK_SKEW},
    ],
    ids=str,
)
def test_counts_at_the_edge_of_a_rule_are_accepted(good: dict[str, Any]):
    checked = check(posts=posts({}), snapshots=snapshots(good))
    assert checked.rejected.is_empty()
    assert checked.snapshots.equals(snapshots(good))


def test_snapshots_of_posts_that_came_earlier_are_accepted_alone():
    checked = check(snapshots=snapshots({"post_id": 7}))
    assert checked.snapshots.equals(snapshots({"post_id": 7}))
    assert checked.accepted_keys["key"].to_list() == ["-1_7 counts"]
    assert checked.seen == 0


def test_counts_without_an_id_are_rejected_even_alone():
    checked = check(snapshots=snapshots({"post_id": None}, {"owner_id": None}))
    assert verdicts(checked) == [
        ("unknown", "post_id is missing"),
        ("unknown", "owner_id is missing"),
    ]
    assert checked.snapshots.is_empty()


def test_the_first_broken_rule_is_the_reason():
    checked = check(posts=posts({"post_id": -1, "text": "a\0b", "published_at": FIRST_DAY - TICK}))
    assert verdicts(checked) == [("-1_-1", "post_id is negative")]


def test_what_the_source_itself_rejected_is_passed_on():
    rejected = pl.DataFrame(
        [("0_5", "view is not a whole number", "{}")], schema=dict(REJECTED_SCHEMA), orient="row"
    )
    checked = check(posts=posts({}), rejected=rejected)
    assert checked.rejected.equals(rejected)
    assert checked.seen == 2


def test_the_payload_is_the_row_as_json_and_never_longer_than_500_characters():
    checked = check_chunk(
        Chunk(posts=posts({"post_id": -1}, {"post_id": 2, "text": "я\0" * 1_000})),
        as_of=NIGHT,
        max_characters=10,
    )
    short, long = checked.rejected["payload"]
    assert short.startswith('{"owner_id":-1,"post_id":-1,"published_at":')
    assert short.endswith('"text":"cat","is_ad":false}')
    assert len(long) == 500
    assert "\0" not in long


def test_an_empty_chunk_is_an_empty_chunk():
    checked = check()
    for frame in (checked.posts, checked.snapshots, checked.pictures, checked.rejected):
        assert frame.is_empty()
    assert checked.accepted_keys.is_empty()
    assert checked.seen == 0


def names(*rows: tuple[int, int, str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(NAMES_SCHEMA), orient="row")


def test_a_rejected_post_goes_by_the_name_its_source_gives_it_and_its_counts_by_its_id():
    checked = check(
        posts=posts({"post_id": -7}, {"post_id": 8}),
        snapshots=snapshots({"post_id": 8, "views": -1}),
        names=names((-1, -7, "posts.csv row 3"), (-1, 8, "posts.csv row 4")),
    )
    assert verdicts(checked) == [
        ("posts.csv row 3", "post_id is negative"),
        ("-1_8 counts", "views is negative"),
    ]


def test_what_a_source_says_is_mended_or_read_anew_is_passed_on():
    checked = check(mended=("-1_7 counts",), reread="posts.csv row ", seen=5)
    assert checked.accepted_keys["key"].to_list() == ["-1_7 counts"]
    assert (checked.reread, checked.seen) == ("posts.csv row ", 5)


@pytest.mark.parametrize("name", ["views", "reach", *COUNTS])
def test_count_no_audience_can_reach_is_rejected(name: str) -> None:
    most = {"views": MAX_COUNTED, "reach": MAX_COUNTED, name: MAX_COUNTED}
    assert verdicts(check(posts=posts({}), snapshots=snapshots(most))) == []
    [(_, reason)] = verdicts(check(posts=posts({}), snapshots=snapshots({**most, name: 2**63 - 1})))
    assert reason == f"{name} is larger than {MAX_COUNTED}"
