"""Posts that a file, or files of a folder, have more than once: crawls, edits, corrections."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.pull_counts import PullCounts
from tasks.pulling import pull_posts
from tests.fakes.pulled_files import (
    NEXT_NIGHT,
    NIGHT,
    PICTURES_ON,
    REAL,
    UNKNOWN,
    as_base64,
    ask,
    dataset,
    jpeg,
    row,
    whole_warehouse,
    write_csv,
)
from vkflow.images.decoding import picture_hash


def test_a_post_observed_twice_in_a_file_is_one_post_with_two_snapshots(home: Path, file: Path):
    key = {"owner_id": -1, "post_id": 7}
    picture = as_base64(jpeg())
    rows = [
        row(REAL[1], "draft", picture, **key, observed_at="2026-05-01"),
        row(REAL[0], "final", "", **key, observed_at="2026-05-02"),
    ]
    counts = pull_posts.fn(dataset(home, write_csv(file, rows), PICTURES_ON), NIGHT)
    assert counts == PullCounts(seen=1, new=1, changed=1, snapshots=2)
    assert ask(home, "SELECT text, image_hash FROM posts") == [("final", None)]
    assert ask(home, "SELECT views FROM snapshots ORDER BY observed_at") == [
        (REAL[1][0],),
        (REAL[0][0],),
    ]


@pytest.mark.parametrize("chunk_rows", [1, 2, 5_000])
@pytest.mark.parametrize("newest_first", [False, True])
def test_of_several_crawls_in_a_folder_the_first_is_learnt_from(
    home: Path, tmp_path: Path, chunk_rows: int, newest_first: bool
):
    """One run reads all that was crawled before there was a warehouse."""
    red, blue = jpeg(), jpeg("blue")
    crawls = [
        ("win", red, "2026-05-01"),
        ("win", red, "2026-05-02"),
        ("it is over", blue, "2026-05-03"),
    ]
    rows = [
        row(REAL[0], text, as_base64(picture), owner_id="-1", post_id="7", observed_at=at)
        for text, picture, at in (reversed(crawls) if newest_first else crawls)
    ]
    folder = tmp_path / "crawls"
    folder.mkdir()
    write_csv(folder / "1.csv", rows[:2])
    write_csv(folder / "2.csv", rows[2:])
    settings = dataset(home, folder, PICTURES_ON, chunk_rows)
    counts = pull_posts.fn(settings, NIGHT)
    assert (counts.new, counts.snapshots, counts.refreshed) == (1, 3, 0)
    found = whole_warehouse(home)
    pull_posts.fn(settings, NEXT_NIGHT)
    assert whole_warehouse(home) == found
    shown = "SELECT text, image_hash FROM"
    assert ask(home, f"{shown} first_contents") == [("win", picture_hash(red))]
    assert ask(home, f"{shown} posts") == [("it is over", picture_hash(blue))]


@pytest.mark.parametrize("counts", [UNKNOWN, (-1, *REAL[0][1:]), ("x", *REAL[0][1:])])
def test_a_crawl_was_first_though_its_counts_cannot_be_right(
    home: Path, file: Path, counts: tuple[object, ...]
):
    post = {"owner_id": "-1", "post_id": "7"}
    rows = [
        row(counts, "win", **post, observed_at="2026-05-01"),
        row(REAL[0], "it is over", **post, observed_at="2026-05-02"),
    ]
    pull_posts.fn(dataset(home, write_csv(file, rows), chunk_rows=1), NIGHT)
    assert ask(home, "SELECT text FROM first_contents") == [("win",)]
    assert ask(home, "SELECT text FROM posts") == [("it is over",)]


def test_of_crawls_after_a_run_of_the_past_the_first_is_learnt_from(home: Path, file: Path):
    """An archive is replayed night by night: no night may learn what a post said later."""
    post = {"owner_id": "-1", "post_id": "7", "published_at": "2026-05-31"}
    crawls = [row(text=f"{day}", **post, observed_at=f"2026-06-0{day}") for day in (2, 4)]
    for day in range(5):
        settings = dataset(home, write_csv(file, crawls), chunk_rows=1)
        pull_posts.fn(settings, NIGHT + timedelta(days=day))
        assert ask(home, "SELECT text FROM first_contents") == [("2",)]
        assert ask(home, "SELECT count(*) FROM earlier_contents") == [(1,)]
    assert ask(home, "SELECT text FROM posts") == [("4",)]


def test_a_crawl_of_a_moment_that_cannot_be_is_one_of_its_run(home: Path, file: Path):
    post = {"owner_id": "-1", "post_id": "7", "published_at": "2026-05-02"}
    write_csv(
        file, [row(**post, observed_at=at) for at in ("2005-01-01", "2026-05-01", "2999-01-01")]
    )
    pull_posts.fn(dataset(home, file, chunk_rows=1), NIGHT)
    assert ask(home, "SELECT first_seen_at, edited_at FROM posts") == [(NIGHT, None)]


@pytest.mark.parametrize("at", ["", "2026-05-01"])
def test_of_a_post_that_comes_twice_of_one_moment_the_last_counts_night_after_night(
    home: Path, file: Path, at: str
):
    post = {"owner_id": "-1", "post_id": "7", "observed_at": at}
    write_csv(file, [row(text="draft", **post), row(text="final", **post)])
    first = pull_posts.fn(dataset(home, file), NIGHT)
    before = whole_warehouse(home)
    again = pull_posts.fn(dataset(home, file), NEXT_NIGHT)
    assert (first.new, first.changed, again.new, again.changed) == (1, 1, 0, 0)
    after = whole_warehouse(home)
    assert after | {"quarantine": []} == before | {"quarantine": []}
    assert ask(home, "SELECT text FROM posts") == [("final",)]


@pytest.mark.parametrize("mark", [{}, {"is_ad": "1"}])
@pytest.mark.parametrize("texts", ["aa", "ab"])
def test_files_without_moments_that_disagree_change_nothing_when_they_are_read_again(
    home: Path, tmp_path: Path, mark: dict[str, str], texts: str
):
    """Exports of two months have most posts both; the last one counts, whatever columns it has."""
    folder = tmp_path / "exports"
    folder.mkdir()
    for number, (text, columns) in enumerate(zip(texts, (mark, {}), strict=True)):
        write_csv(folder / f"{number}.csv", [row(text=text, owner_id="-1", post_id="7", **columns)])
    settings = dataset(home, folder)
    pull_posts.fn(settings, NIGHT)
    found = whole_warehouse(home)
    for day in (1, 2):
        counts = pull_posts.fn(settings, NIGHT + timedelta(days=day))
        assert (counts.new, counts.changed) == (0, 0)
        assert whole_warehouse(home) == found
    expected = [(texts[-1], True if mark else None)]
    assert ask(home, "SELECT text, is_ad FROM posts") == expected


@pytest.mark.parametrize("bad", [0, 1])
def test_a_bad_picture_of_one_crawl_is_told_though_that_of_another_is_good(
    home: Path, file: Path, bad: int
):
    pictures = [jpeg(), jpeg("blue")]
    pictures[bad] = b"no picture"
    post = {"owner_id": "-1", "post_id": "7"}
    rows = [
        row(text=f"{day}", photo=as_base64(photo), **post, observed_at=f"2026-05-0{day}")
        for day, photo in enumerate(pictures, start=1)
    ]
    counts = pull_posts.fn(dataset(home, write_csv(file, rows), PICTURES_ON), NIGHT)
    assert counts.bad_pictures == 1
    assert ask(home, "SELECT key FROM quarantine") == [("-1_7 picture",)]


def test_a_file_of_one_post_a_thousand_times_takes_no_thousand_transactions(
    home: Path, file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("vkflow.sources.rows.MAX_EDITS", 2)
    start = datetime(2026, 5, 1, tzinfo=UTC)
    crawls = [
        row(text=f"text {n}", owner_id="-1", post_id="7", observed_at=start + timedelta(hours=n))
        for n in range(9)
    ]
    settings = dataset(home, write_csv(file, crawls))
    assert pull_posts.fn(settings, NIGHT).changed == 1
    found = whole_warehouse(home)
    assert pull_posts.fn(settings, NEXT_NIGHT).changed == 0
    assert whole_warehouse(home) == found
    assert ask(home, "SELECT text FROM first_contents") == [("text 0",)]
    assert ask(home, "SELECT text FROM posts") == [("text 8",)]
    assert ask(home, "SELECT count(*) FROM snapshots") == [(9,)]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
@pytest.mark.parametrize("newest_first", [False, True])
def test_pictures_and_marks_that_are_told_later_belong_to_the_crawl_they_come_with(
    home: Path, file: Path, chunk_rows: int, newest_first: bool
):
    red, blue = jpeg(), jpeg("blue")
    post = {"owner_id": "-1", "post_id": "7"}

    def pull(day: int, mark: str, tagger: str) -> PullCounts:
        crawls = [
            row(REAL[0], "win", as_base64(red), **post, observed_at="2026-05-01", is_ad=mark),
            row(REAL[0], "over", as_base64(blue), **post, observed_at="2026-05-02", is_ad=mark),
        ]
        write_csv(file, crawls[::-1] if newest_first else crawls)
        return pull_posts.fn(dataset(home, file, tagger, chunk_rows), NIGHT + timedelta(days=day))

    nights = [("", "none"), ("0", "none"), ("0", PICTURES_ON), ("0", "none"), ("0", PICTURES_ON)]
    found = [pull(day, *night) for day, night in enumerate(nights)]
    assert [counts.changed for counts in found[3:]] == [0, 0]
    shown = "SELECT text, image_hash, is_ad FROM"
    assert ask(home, f"{shown} earlier_contents") == [("win", picture_hash(red), False)]
    assert ask(home, f"{shown} posts") == [("over", picture_hash(blue), False)]


@pytest.mark.parametrize("chunk_rows", [1, 2, 5_000])
def test_of_crawls_of_one_chunk_each_is_told(home: Path, tmp_path: Path, chunk_rows: int):
    """That a post said the same again is known still, once a crawl between the two comes."""
    folder = tmp_path / "crawls"
    folder.mkdir()
    for number, crawls in enumerate((((1, "a"), (4, "a"), (6, "b")), ((5, "b"), (3, "b")))):
        rows = [
            row(text=text, owner_id="-1", post_id="7", observed_at=f"2026-05-0{day}")
            for day, text in crawls
        ]
        write_csv(folder / f"{number}.csv", rows)
    pull_posts.fn(dataset(home, folder, chunk_rows=chunk_rows), NIGHT)
    versions = ask(home, "SELECT text, day(seen_at) FROM earlier_contents ORDER BY seen_at")
    assert versions == [("a", 1), ("b", 3), ("a", 4)]
    assert ask(home, "SELECT text, day(edited_at) FROM posts") == [("b", 5)]


def test_a_row_that_is_corrected_with_its_old_moment_is_no_edit(home: Path, file: Path):
    key = {"owner_id": -1, "post_id": 7, "observed_at": "2026-05-01"}
    red, blue = jpeg(), jpeg("blue")
    off, on = dataset(home, file), dataset(home, file, PICTURES_ON)
    contradicted = []
    for day, how, text, picture in (
        (0, off, "win", red),  # pictures are switched off: this one is awaited
        (1, on, "win", red),
        (2, on, "it is over", blue),
        (3, off, "it is over!", blue),
        (3, off, "it is over!", blue),
    ):
        write_csv(file, [row(REAL[1], text, as_base64(picture), **key)])
        contradicted.append(pull_posts.fn(how, NIGHT + timedelta(days=day)).contradicted)
    for table in ("first_contents", "posts"):
        shown = ask(home, f"SELECT text, image_hash FROM {table}")
        assert shown == [("it is over!", picture_hash(blue))]
    assert ask(home, "FROM earlier_contents") == []
    assert contradicted == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("chunk_rows", [1, 5_000])
@pytest.mark.parametrize("n_runs", [1, 2])
def test_of_texts_of_the_same_moment_the_newest_delivered_counts_in_any_files_and_runs(
    home: Path, tmp_path: Path, chunk_rows: int, n_runs: int, caplog: pytest.LogCaptureFixture
):
    """A text that is corrected is no edit, and the run says that texts disagreed, as of counts."""
    folder = tmp_path / "crawls"
    folder.mkdir()
    post = {"owner_id": "-1", "post_id": "7"}
    said = ((1, ["first"]), (2, ["draft", "final"]), (3, ["last"]))
    if n_runs == 1:
        write_csv(
            folder / "0.csv",
            [row(text=text, **post, observed_at=f"2026-05-0{at}") for at, (text, *_) in said],
        )
    for run in range(n_runs):
        write_csv(
            folder / "1.csv",
            [
                row(
                    text=texts[-1 if n_runs == 1 or run else 0],
                    **post,
                    observed_at=f"2026-05-0{at}",
                )
                for at, texts in said
            ],
        )
        counts = pull_posts.fn(
            dataset(home, folder, chunk_rows=chunk_rows), NIGHT + timedelta(days=run)
        )
    assert counts.contradicted == 1
    assert "1 times a post was told otherwise of the same moment" in caplog.text
    versions = ask(home, "SELECT text, seen_at FROM earlier_contents ORDER BY seen_at")
    assert versions == [
        (t, datetime(2026, 5, d, tzinfo=UTC)) for d, t in ((1, "first"), (2, "final"))
    ]
    assert ask(home, "SELECT text FROM posts") == [("last",)]


@pytest.mark.parametrize("chunk_rows", [1, 2, 5_000])
def test_of_counts_of_the_same_moment_the_newest_delivered_count_in_any_chunk(
    home: Path, file: Path, chunk_rows: int, caplog: pytest.LogCaptureFixture
):
    moment = {"owner_id": -1, "post_id": 7, "observed_at": "2026-05-30T00:00:00"}
    write_csv(file, [row(REAL[0], **moment), row(REAL[1], **moment), row(REAL[2], **moment)])
    counts = pull_posts.fn(dataset(home, file, chunk_rows=chunk_rows), NIGHT)
    assert ask(home, "SELECT views, likes FROM snapshots") == [(REAL[2][0], REAL[2][1])]
    assert counts.corrected == 2
    assert "2 counts were given up" in caplog.text


def test_corrected_export_corrects_the_counts_and_says_so(home: Path, file: Path):
    moment = {"owner_id": -1, "post_id": 7, "observed_at": "2026-05-30T00:00:00"}
    pull_posts.fn(dataset(home, write_csv(file, [row(REAL[0], **moment)])), NIGHT)
    corrected = dataset(home, write_csv(file, [row(REAL[1], **moment)]))
    assert pull_posts.fn(corrected, NEXT_NIGHT).corrected == 1
    assert ask(home, "SELECT views, likes FROM snapshots") == [(REAL[1][0], REAL[1][1])]
    again = pull_posts.fn(corrected, NEXT_NIGHT + timedelta(days=1))
    assert (again.corrected, again.snapshots) == (0, 0)
