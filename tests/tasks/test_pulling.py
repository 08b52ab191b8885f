"""Pulling: what a source has arrives once, whole, and the bad rows say why they did not."""

import gzip
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.pull_counts import PullCounts
from tasks.pulling import pull_posts
from tests.fakes.pulled_files import (
    GOOD,
    NEXT_NIGHT,
    NIGHT,
    PICTURES_ON,
    REAL,
    TEXTS,
    UNKNOWN,
    as_base64,
    ask,
    dataset,
    ids_by_text,
    jpeg,
    row,
    whole_warehouse,
    write_csv,
    write_parquet,
)
from vkflow.errors import SettingsError, SourceError
from vkflow.images.decoding import picture_hash
from vkflow.images.media import picture_name
from warehouse.database import open_warehouse
from warehouse.images import write_image_failure


@pytest.mark.parametrize(
    ("write", "suffix"), [(write_csv, "csv"), (write_parquet, "parquet")], ids=["csv", "parquet"]
)
def test_the_rows_of_a_file_arrive_as_they_are(tmp_path: Path, home: Path, write: Any, suffix: str):
    path = write(tmp_path / f"posts.{suffix}", GOOD)
    counts = pull_posts.fn(dataset(home, path, PICTURES_ON), NIGHT)
    assert counts == PullCounts(seen=5, new=5, snapshots=5)
    assert set(ask(home, "SELECT owner_id, published_at, text, is_ad, source FROM posts")) == {
        (0, None, text, None, "dataset") for text in TEXTS
    }
    stored = ask(
        home,
        "SELECT observed_at, text, views, likes, comments, hides, expands, photo_opens, opens, "
        "shares_to_message, reposts, reach FROM snapshots JOIN posts USING (owner_id, post_id)",
    )
    assert set(stored) == {
        (NIGHT, text, *counts, None, None) for counts, text in zip(REAL, TEXTS, strict=True)
    }
    name = picture_hash(jpeg())
    assert ask(home, "FROM images") == [(name, 256, 256, len(jpeg()), "ok", None)]
    assert ask(home, "SELECT text FROM posts WHERE image_hash IS NOT NULL") == [(TEXTS[0],)]
    assert (home / "media" / picture_name(name)).read_bytes() == jpeg()


@pytest.mark.parametrize("chunk_rows", [1, 2, 5_000])
def test_pulling_a_file_again_changes_nothing(home: Path, file: Path, chunk_rows: int):
    write_csv(file, [*GOOD, row(text="bad", counts=(1, 2, *[0] * 6))])
    settings = dataset(home, file, PICTURES_ON, chunk_rows)
    first = pull_posts.fn(settings, NIGHT)
    assert (first.new, first.snapshots) == (6, 5)
    before = whole_warehouse(home)
    again = pull_posts.fn(settings, NEXT_NIGHT)
    assert (again.seen, again.new, again.changed, again.snapshots) == (6, 0, 0, 0)
    after = whole_warehouse(home)
    complaint = before["quarantine"][0]
    assert after == before | {"quarantine": [(*complaint[:-1], NEXT_NIGHT)]}


def test_ids_stay_when_the_file_grows_in_front_and_behind(home: Path, file: Path):
    write_csv(file, GOOD)
    pull_posts.fn(dataset(home, file, chunk_rows=2), NIGHT)
    before = ids_by_text(home)
    write_csv(file, [row(text="new first"), *GOOD, row(text="new last")])
    counts = pull_posts.fn(dataset(home, file, chunk_rows=3), NEXT_NIGHT)
    assert (counts.new, counts.changed, counts.snapshots) == (2, 0, 2)
    after = ids_by_text(home)
    assert {text: after[text] for text in before} == before
    assert all(0 <= post_id < 2**63 for post_id in after.values())


def test_csv_and_parquet_give_the_same_ids(tmp_path: Path, home: Path, file: Path):
    pull_posts.fn(dataset(home, write_csv(file, GOOD)), NIGHT)
    parquet = write_parquet(tmp_path / "posts.parquet", GOOD)
    counts = pull_posts.fn(dataset(home, parquet), NEXT_NIGHT)
    assert counts == PullCounts(seen=5)


def test_equal_rows_are_different_posts_with_stable_ids(home: Path, file: Path):
    write_csv(file, [row(), row(), row(), row(photo=as_base64(jpeg()))])
    counts = pull_posts.fn(dataset(home, file, chunk_rows=2), NIGHT)
    assert (counts.new, counts.snapshots) == (4, 4)
    before = whole_warehouse(home)
    assert len({post_id for _, post_id, *_ in before["posts"]}) == 4
    pull_posts.fn(dataset(home, file, chunk_rows=3), NEXT_NIGHT)
    assert whole_warehouse(home) == before


def test_a_post_without_counts_has_no_snapshot_until_a_later_file_brings_them(
    home: Path, file: Path
):
    write_csv(file, [row(UNKNOWN, "waiting"), row(text="known")])
    counts = pull_posts.fn(dataset(home, file), NIGHT)
    assert (counts.new, counts.snapshots) == (2, 1)
    before = ids_by_text(home)
    write_csv(file, [row(REAL[1], "waiting")])
    counts = pull_posts.fn(dataset(home, file), NEXT_NIGHT)
    assert (counts.new, counts.changed, counts.snapshots) == (0, 0, 1)
    assert ids_by_text(home) == before
    assert ask(
        home, "SELECT text, observed_at, views FROM snapshots JOIN posts USING (post_id) ORDER BY 1"
    ) == [("known", NIGHT, REAL[0][0]), ("waiting", NEXT_NIGHT, REAL[1][0])]


def test_counts_known_in_part_stay_unknown_for_the_rest(home: Path, file: Path):
    write_csv(file, [row((100, 0, *[""] * 6))])
    pull_posts.fn(dataset(home, file), NIGHT)
    assert ask(home, "SELECT views, likes, comments, opens FROM snapshots") == [
        (100, 0, None, None)
    ]


def test_optional_columns_are_taken(home: Path, file: Path):
    write_csv(
        file,
        [
            row(
                owner_id=-5,
                post_id=7,
                published_at="2026-05-01T12:00:00+03:00",
                observed_at="2026-05-20 10:00:00",
                is_ad="true",
                repost=3,
            ),
            row(
                owner_id="",
                post_id=8,
                published_at="2026-05-02",
                observed_at="",
                is_ad="0",
                repost="",
            ),
        ],
    )
    pull_posts.fn(dataset(home, file), NIGHT)
    assert ask(
        home, "SELECT owner_id, post_id, published_at, is_ad FROM posts ORDER BY post_id"
    ) == [
        (-5, 7, datetime(2026, 5, 1, 9, tzinfo=UTC), True),
        (0, 8, datetime(2026, 5, 2, tzinfo=UTC), False),
    ]
    assert ask(home, "SELECT post_id, observed_at, reposts FROM snapshots ORDER BY post_id") == [
        (7, datetime(2026, 5, 20, 10, tzinfo=UTC), 3),
        (8, NIGHT, None),
    ]


def test_whole_numbers_written_as_decimals_are_understood(home: Path, file: Path):
    write_csv(file, [row([f"{count}.0" for count in REAL[0]], owner_id="-5.0", post_id="7.0")])
    pull_posts.fn(dataset(home, file), NIGHT)
    assert ask(home, "SELECT owner_id, post_id, views, likes, opens FROM snapshots") == [
        (-5, 7, 10869, 185, 14)
    ]


def test_what_a_pull_did_can_be_written_down(home: Path, file: Path):
    write_csv(file, [row(("many", *REAL[0][1:])), row()])
    counts = pull_posts.fn(dataset(home, file), NIGHT)
    written = json.loads(json.dumps(counts.as_dict()))
    assert (written["seen"], written["new"]) == (2, 2)
    assert written["quarantined"] == {"view is not a whole number": 1}


def test_newer_counts_of_known_posts_are_counted_as_refreshed(home: Path, file: Path):
    write_csv(file, [row(UNKNOWN, "waiting"), row(text="growing"), row(text="same")])
    assert pull_posts.fn(dataset(home, file), NIGHT).refreshed == 0
    write_csv(
        file, [row(text="waiting"), row(REAL[4], "growing"), row(text="same"), row(text="new")]
    )
    counts = pull_posts.fn(dataset(home, file), NEXT_NIGHT)
    assert (counts.seen, counts.new, counts.refreshed, counts.snapshots) == (4, 1, 2, 3)


@pytest.mark.parametrize("harm", ["damaged", "gone"])
def test_a_lost_picture_is_written_again_when_the_source_brings_it(
    home: Path, file: Path, harm: str
):
    settings = dataset(home, write_csv(file, GOOD), PICTURES_ON)
    pull_posts.fn(settings, NIGHT)
    stored = home / "media" / picture_name(picture_hash(jpeg()))
    if harm == "damaged":
        stored.write_bytes(b"no picture")
        with open_warehouse(home / "warehouse.duckdb") as connection:
            write_image_failure(connection, [stored.stem], "lost", "the stored file is damaged")
    else:
        stored.unlink()
    counts = pull_posts.fn(settings, NEXT_NIGHT)
    assert stored.read_bytes() == jpeg()
    assert ask(home, "SELECT status, error FROM images") == [("ok", None)]
    assert counts.bad_pictures == 0


def test_a_file_that_breaks_off_leaves_whole_chunks_and_is_finished_when_mended(
    home: Path, tmp_path: Path
):
    rows = [row(text=f"{number} {random.randbytes(60).hex()}") for number in range(30_000)]
    file = tmp_path / "posts.csv.gz"
    whole = gzip.compress(write_csv(file, rows).read_bytes())
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="damaged or cut short"):
        pull_posts.fn(dataset(home, file, chunk_rows=1_000), NIGHT)
    ((left_behind, ids),) = ask(home, "SELECT count(*), count(DISTINCT post_id) FROM posts")
    assert 0 < left_behind == ids and left_behind % 1_000 == 0
    file.write_bytes(whole)
    counts = pull_posts.fn(dataset(home, file, chunk_rows=7_000), NEXT_NIGHT)
    assert counts.seen == 30_000
    assert ask(home, "SELECT count(*), count(DISTINCT post_id) FROM posts") == [(30_000, 30_000)]
    assert ask(home, "SELECT count(*) FROM snapshots") == [(30_000,)]


def test_a_source_that_does_not_go_with_the_tagger_is_refused_before_any_work(
    tmp_path: Path, file: Path
):
    home = tmp_path / "new"
    write_csv(file, GOOD)
    with pytest.raises(SettingsError, match="VKFLOW_IMAGES__TAGGER"):
        pull_posts.fn(dataset(home, file, tagger="sample"), NIGHT)
    assert not home.exists()
